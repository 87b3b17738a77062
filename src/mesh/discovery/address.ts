import { isIP } from 'node:net';
import { InvalidArgumentError } from '../../errors/index.js';

/** Where a peer listens. */
export interface HostPort {
  /** IP address in its shortest form, IPv6 without brackets, or a host name in lower case. */
  readonly host: string;
  readonly port: number | undefined;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9_](?:[-a-z0-9_.]*[a-z0-9_])?$/;

/** An IP address in the one form in which equal addresses are equal texts; `undefined` for anything else. */
export function normalizeIP(text: string): string | undefined {
  const family = isIP(text);
  if (family === 4) return text;
  if (family !== 6) return undefined;
  const [address = '', zone] = text.split('%');
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined) return mapped;
  const short = new URL(`http://[${address}]`).hostname.slice(1, -1);
  return zone === undefined ? short : `${short}%${zone}`;
}

/**
 * Reads `host`, `host:port`, `[IPv6]`, `[IPv6]:port` or a bare IPv6 address.
 *
 * @throws InvalidArgumentError for anything else.
 */
export function parseAddress(text: string): HostPort {
  const bare = normalizeIP(text);
  if (bare !== undefined) return { host: bare, port: undefined };
  const [, bracketed, name, digits] = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed === undefined ? normalizeName(name ?? '') : normalizeIP(bracketed);
  const port = digits === undefined ? undefined : Number(digits);
  if (host === undefined || (port !== undefined && !isPort(port)) || (bracketed !== undefined && isIP(host) !== 6)) {
    throw new InvalidArgumentError(`not the address of a peer: ${JSON.stringify(text)}`);
  }
  return { host, port };
}

/** An IP address or host name in its normal form, without the dot at the end; `undefined` for anything else. */
export function normalizeName(text: string): string | undefined {
  const name = text.toLowerCase().replace(/\.$/, '');
  return normalizeIP(name) ?? (HOST_NAME.test(name) ? name : undefined);
}

/** Whether peers can listen on it. */
export function isPort(port: number): boolean {
  return Number.isSafeInteger(port) && port >= 1 && port <= 65_535;
}
