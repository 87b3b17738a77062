import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { statusError } from './status-error.js';

/**
 * Refuses a request whose Host is a name that this server was not given: a page of a stranger may have had its own name
 * point here (DNS rebinding). Addresses and `localhost` cannot be pointed anywhere.
 *
 * @throws StatusError (403).
 */
export function checkHost(req: IncomingMessage, allowed: ReadonlySet<string>): void {
  // A target in absolute form names the host once more.
  const absolute = /^https?:\/\/([^/?#]*)/i.exec(req.url ?? '')?.[1];
  const hosts = [...(req.headersDistinct.host ?? ['']), ...(absolute === undefined ? [] : [absolute])];
  for (const name of hosts.map(hostName)) {
    if (isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || allowed.has(name)) continue;
    throw statusError(403, `forbidden: the host ${JSON.stringify(name)} is not one of this server's names`);
  }
}

/**
 * Refuses a request that a page of another origin made a browser send.
 *
 * @throws StatusError (403).
 */
export function checkOrigin(req: IncomingMessage, allowed: ReadonlySet<string>): void {
  const origins = req.headersDistinct.origin ?? [];
  for (const origin of origins) {
    if (allowed.has(origin) || isSame(origin, req.headers.host ?? '')) continue;
    throw statusError(403, `forbidden: the origin ${JSON.stringify(origin)} may not use this server`);
  }
}

function isSame(origin: string, host: string): boolean {
  try {
    const url = new URL(origin);
    return url.protocol === 'http:' && url.host === new URL(`http://${host}`).host;
  } catch {
    return false;
  }
}

function hostName(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  const name = bracketed?.[1] ?? host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}
