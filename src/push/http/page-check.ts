import { isLoopback, isSameHost, isTrustedHost, nameOfHost } from '../../carrier/request-host.js';
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
  if (suspicious && !isTrustedHost(nameOfHost(host), (name) => allowedHosts?.has(name) === true)) {
    return `the host ${JSON.stringify(host)} is not one of this server's names (allowedHosts)`;
  }
  const allowed = cors === undefined ? origin === undefined : cors.apply(req, res);
  if (allowed || isSameHost(origin ?? '', host)) return undefined;
  // Somebody in front of us has answered the question.
  if (cors === undefined && res.hasHeader('access-control-allow-origin')) return undefined;
  return `pages of the origin ${JSON.stringify(origin)} may not use this server (cors)`;
}
