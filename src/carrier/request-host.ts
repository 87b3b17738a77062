import { isIP } from 'node:net';

/** Whether a name is one that no stranger can point here: an address, `localhost`, or one that is allowed. */
export function isTrustedHost(name: string, isAllowed: (name: string) => boolean): boolean {
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || isAllowed(name);
}

/**
 * Whether an `Origin` names the `Host` of its request. The scheme is left out of it: behind a proxy that ends TLS a server does
 * not know its own.
 */
export function isSameHost(origin: string, host: string): boolean {
  try {
    const url = new URL(origin);
    return url.host !== '' && url.host === new URL(`${url.protocol}//${host}`).host;
  } catch {
    return false;
  }
}

/** The name in a `Host` header, without port, brackets and the final dot, in lower case. */
export function nameOfHost(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  const name = bracketed?.[1] ?? host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

/** Whether a socket's own address is reached from this machine only. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
}
