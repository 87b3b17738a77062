import { isIP } from 'node:net';
import type { CorsPolicy } from './cors.js';
import { headerOf } from './headers.js';
import type { PushRequest, PushResponse } from './types.js';

/**
 * Why a request that a page made a browser send is refused, or `undefined`. Sets the CORS headers.
 *
 * A page of another origin could not read the response anyway, unless CORS lets it; refused at once it costs nothing.
 * Browsers send no Origin with a page's GET to its own server. Requests without one come through, so that only
 * `allowedHosts` keeps out names that a stranger points here (DNS rebinding); without it, that is done for pages (requests
 * with `Sec-Fetch-Site` or `Origin`) that reach a loopback address under a name that is not `localhost`.
 */
export function pageRefusal(
  req: PushRequest,
  res: PushResponse,
  cors: CorsPolicy | undefined,
  allowedHosts: ReadonlySet<string> | undefined,
): string | undefined {
  const origin = headerOf(req, 'origin');
  const host = headerOf(req, 'host') ?? headerOf(req, ':authority') ?? '';
  const fromPage = origin !== undefined || headerOf(req, 'sec-fetch-site') !== undefined;
  const suspicious = allowedHosts !== undefined || (fromPage && isLoopback(req.socket.localAddress));
  if (suspicious && !isTrusted(nameOf(host), allowedHosts)) {
    return `the host ${JSON.stringify(host)} is not one of this server's names (allowedHosts)`;
  }
  const allowed = cors === undefined ? origin === undefined : cors.apply(req, res);
  if (allowed || isSameHost(origin ?? '', host)) return undefined;
  // Somebody in front of us has answered the question.
  if (cors === undefined && res.hasHeader('access-control-allow-origin')) return undefined;
  return `pages of the origin ${JSON.stringify(origin)} may not use this server (cors)`;
}

function isTrusted(name: string, allowed: ReadonlySet<string> | undefined): boolean {
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || allowed?.has(name) === true;
}

/** The scheme is left out of it: behind a proxy that ends TLS a server does not know its own. */
function isSameHost(origin: string, host: string): boolean {
  try {
    const url = new URL(origin);
    return url.host !== '' && url.host === new URL(`${url.protocol}//${host}`).host;
  } catch {
    return false;
  }
}

function nameOf(host: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d*)?$/.exec(host);
  const name = bracketed?.[1] ?? host.replace(/:\d*$/, '');
  return name.toLowerCase().replace(/\.$/, '');
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);
}
