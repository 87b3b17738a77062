import { networkInterfaces } from 'node:os';
import { normalizeIP, parseAddress } from './address.js';

/**
 * Makes what tells the asking pod's own address from the others.
 *
 * @param self Addresses, with a port or without. Default: `POD_IPS` or `POD_IP` of the environment, else those of the
 * network interfaces, which are read again each time.
 * @throws InvalidArgumentError for an address that is none.
 */
export function selfMatcher(
  self: string | readonly string[] | undefined,
): (host: string, port: number | undefined) => boolean {
  if (self === undefined) return (host) => (podAddresses() ?? interfaceAddresses()).includes(host);
  const own = (typeof self === 'string' ? [self] : self).map(parseAddress);
  return (host, port) =>
    own.some((one) => one.host === host && (one.port === undefined || port === undefined || one.port === port));
}

/** Addresses that the downward API put into the environment; `undefined` when it did not. */
export function podAddresses(): readonly string[] | undefined {
  const { POD_IPS, POD_IP } = process.env;
  const addresses = `${POD_IPS ?? ''},${POD_IP ?? ''}`.split(',').flatMap((text) => normalizeIP(text.trim()) ?? []);
  return addresses.length === 0 ? undefined : addresses;
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .flatMap(({ address }) => normalizeIP(address) ?? []);
}
