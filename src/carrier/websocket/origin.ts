import type { IncomingMessage } from 'node:http';
import { isLoopback, isSameHost, isTrustedHost, nameOfHost } from '../request-host.js';
import type { Refusal } from './refusal.js';

/** Which pages, and under which names, a server may be used by browsers. */
export interface OriginOptions {
  /**
   * Origins, as browsers send them (`https://app.example.com`), whose pages may connect besides those of the server itself.
   * `'any'`: all, for servers that take no ambient credentials (cookies, client certificates, a place in the network).
   * Default: none.
   */
  readonly allowedOrigins?: readonly string[] | 'any';
  /**
   * Names under which the server is reached, without port. A request for another one is refused; addresses and `localhost`
   * are always good. Default: any name, except for pages (requests with an Origin) that reached a loopback address under
   * a name that is not `localhost`: a stranger can point a name of his there (DNS rebinding).
   */
  readonly allowedHosts?: readonly string[];
}

/**
 * Refuses with 403 what a page of a stranger made a browser send (cross-site WebSocket hijacking, DNS rebinding). Browsers
 * send an Origin with each WebSocket request; a request without one comes from no page. It must name the Host of the
 * request, or be allowed.
 */
export function originRefusal(req: IncomingMessage, options: OriginOptions): Refusal | undefined {
  const { allowedHosts, allowedOrigins = [] } = options;
  const host = req.headersDistinct.host?.[0] ?? '';
  if (allowedHosts !== undefined && !isTrustedHost(nameOfHost(host), (name) => allowedHosts.includes(name)))
    return foreignHost(host);
  if (allowedOrigins === 'any') return undefined;
  const foreign = (req.headersDistinct.origin ?? []).filter((origin) => !allowedOrigins.includes(origin));
  if (foreign.length === 0) return undefined;
  for (const origin of foreign) {
    if (!isSameHost(origin, host)) {
      return {
        code: 403,
        message: `forbidden: the origin ${JSON.stringify(origin)} may not use this server (allowedOrigins)`,
      };
    }
  }
  const rebound =
    allowedHosts === undefined && isLoopback(req.socket.localAddress) && !isTrustedHost(nameOfHost(host), () => false);
  return rebound ? foreignHost(host) : undefined;
}

function foreignHost(host: string): Refusal {
  return {
    code: 403,
    message: `forbidden: the host ${JSON.stringify(host)} is not one of this server's names (allowedHosts)`,
  };
}
