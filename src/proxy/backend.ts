import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { dial } from '../carrier/dial.js';
import { ConnectionLostError } from '../errors/index.js';
import { allowAnyAddress, allowedAddresses } from './addresses.js';
import { until } from './attempt.js';
import type { ProxySettings } from './options.js';

/**
 * Connects to a backend. Plain requests, upgrades and the translator all come through here: the name is resolved once,
 * all its addresses are checked, and the first of these that answers is the connection.
 *
 * @throws AddressDeniedError; ConnectionLostError when there is no connection; the signal's reason.
 */
export async function connectBackend(settings: ProxySettings, url: URL, signal: AbortSignal): Promise<Duplex> {
  const { checkAddress, dialer, lookup, proxy, proxyTls, tls } = settings;
  const how = { dialer, proxy, proxyTls, signal };
  if (checkAddress === allowAnyAddress) return await dial({ ...how, url, tls });
  const host = url.hostname.replace(/^\[|\]$/g, '');
  // The certificate is still that of the name.
  const pinned = isIP(host) === 0 ? { servername: host, ...tls } : tls;
  let failure: unknown;
  const addresses = await until(allowedAddresses(url, checkAddress, signal, lookup), signal);
  for (const address of addresses) {
    try {
      return await dial({ ...how, url: withAddress(url, address), tls: pinned });
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  throw failure;
}

function withAddress(url: URL, address: string): URL {
  const pinned = new URL(url);
  pinned.hostname = isIP(address) === 6 ? `[${address}]` : address;
  // What the URL parser does not take, it leaves as it was: a name.
  if (isIP(pinned.hostname.replace(/^\[|\]$/g, '')) === 0) {
    throw new ConnectionLostError(`${url.hostname} has an address that cannot be dialled`, { initiator: 'remote' });
  }
  return pinned;
}
