import { lookup as systemLookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { ConnectionLostError, TrunklineError } from '../errors/index.js';

/** An address that is about to be dialled, and for what. */
export interface BackendAddress {
  /** IPv4 or IPv6 address. */
  readonly address: string;
  /** Name or address in the target. */
  readonly host: string;
  readonly port: number;
}

/** Decides whether an address may be dialled. */
export type AddressPolicy = (backend: BackendAddress) => boolean | Promise<boolean>;

/** All addresses of a name. */
export type Lookup = (hostname: string, signal: AbortSignal) => Promise<readonly string[]>;

/** A proxy's address policy forbids the address of the backend; nothing was dialled. */
export class AddressDeniedError extends TrunklineError {
  readonly code = 'ERR_ADDRESS_DENIED';
  /** The address that is forbidden. */
  readonly address: string;

  constructor(host: string, address: string) {
    super(`the address of ${host} is not allowed: ${address}`, { initiator: 'remote' });
    this.address = address;
  }
}

/** Allows every address: for targets that nobody but you can write. */
export const allowAnyAddress: AddressPolicy = () => true;

/**
 * Denies the addresses that reach the proxy's own machine or its cloud's control: loopback, unspecified, link-local,
 * multicast, broadcast, and the metadata services of clouds (169.254.169.254 and its kin); also inside IPv6 (mapped,
 * compatible, 6to4, NAT64). Private networks, where pods live, are allowed: see {@link denyPrivateAddresses}.
 */
export const denyLocalAddresses: AddressPolicy = ({ address }) => !matches(LOCAL, address);

/** Denies what {@link denyLocalAddresses} denies and private networks too (RFC 1918, RFC 6598, RFC 4193, RFC 3879). */
export const denyPrivateAddresses: AddressPolicy = ({ address }) =>
  !matches(LOCAL, address) && !matches(PRIVATE, address);

const LOCAL = blockList(
  ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '240.0.0.0/4'],
  ['::/128', '::1/128', 'fe80::/10', 'ff00::/8'],
  // Azure's, Alibaba's and Oracle's services for machines; AWS's and Google's over IPv6.
  ['168.63.129.16/32', '100.100.100.200/32', '192.0.0.192/32', 'fd00:ec2::/32', 'fd20:ce::/32'],
);
const PRIVATE = blockList(
  ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '192.0.0.0/24', '198.18.0.0/15'],
  ['fc00::/7', 'fec0::/10'],
);

function blockList(...groups: readonly (readonly string[])[]): BlockList {
  const list = new BlockList();
  for (const subnet of groups.flat()) {
    const [address = '', bits] = subnet.split('/');
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function matches(list: BlockList, text: string): boolean {
  const address = text.replace(/%.*$/, '');
  const family = isIP(address);
  // What is no address at all is not dialled either.
  if (family === 0) return true;
  if (family === 4) return list.check(address, 'ipv4');
  return list.check(address, 'ipv6') || embeddedIPv4(address).some((inner) => list.check(inner, 'ipv4'));
}

/** IPv4 addresses that packets to an IPv6 address may end at. */
function embeddedIPv4(address: string): readonly string[] {
  const groups = groupsOf(address);
  const at = (index: number): string => {
    const [high = 0, low = 0] = groups.slice(index, index + 2);
    return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
  };
  const zeros = (count: number): boolean => groups.slice(0, count).every((group) => group === 0);
  const [first, second] = groups;
  const found: string[] = [];
  // RFC 4291, 2.5.5 (mapped, compatible), RFC 2765 (translated).
  if (zeros(6) || (zeros(5) && groups[5] === 0xffff) || (zeros(4) && groups[4] === 0xffff && groups[5] === 0)) {
    found.push(at(6));
  }
  // RFC 6052 and RFC 8215: NAT64.
  if (first === 0x64 && second === 0xff9b) found.push(at(6));
  // RFC 3056: 6to4.
  if (first === 0x2002) found.push(at(1));
  return found;
}

function groupsOf(address: string): readonly number[] {
  // The URL parser writes IPv6 addresses in their one short form, in hexadecimal.
  const text = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [left = '', right] = text.split('::');
  const [before, after] = [numbers(left), numbers(right ?? '')];
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}

function numbers(part: string): readonly number[] {
  return part === '' ? [] : part.split(':').map((group) => parseInt(group, 16));
}

/**
 * The addresses of a target, each of them allowed. An address in place of a name is not looked up.
 *
 * @throws AddressDeniedError when the policy denies any of them; ConnectionLostError when the name cannot be resolved;
 * the signal's reason.
 */
export async function allowedAddresses(
  url: URL,
  policy: AddressPolicy,
  signal: AbortSignal,
  lookup: Lookup = systemAddresses,
): Promise<readonly string[]> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (/^(?:https|wss):$/.test(url.protocol) ? 443 : 80) : Number(url.port);
  const addresses = isIP(host) === 0 ? await resolve(host, lookup, signal) : [host];
  for (const address of addresses) {
    if ((await policy({ address, host, port })) !== true) throw new AddressDeniedError(host, address);
  }
  signal.throwIfAborted();
  return addresses;
}

async function resolve(host: string, lookup: Lookup, signal: AbortSignal): Promise<readonly string[]> {
  let addresses: readonly string[];
  try {
    addresses = await lookup(host, signal);
  } catch (cause) {
    signal.throwIfAborted();
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectionLostError(`cannot resolve ${host}: ${detail}`, { cause, initiator: 'remote' });
  }
  signal.throwIfAborted();
  if (addresses.length === 0) throw new ConnectionLostError(`${host} has no address`, { initiator: 'remote' });
  return addresses;
}

async function systemAddresses(hostname: string): Promise<readonly string[]> {
  return (await systemLookup(hostname, { all: true })).map(({ address }) => address);
}
