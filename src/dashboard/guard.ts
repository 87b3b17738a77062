import type { IncomingMessage } from 'node:http';
import { checkHost, checkOrigin } from '../apiserver/origin.js';
import { statusError } from '../apiserver/index.js';

/** Header that the page sends with what changes anything. Pages of other origins cannot, without being allowed to. */
export const ACTION_HEADER = 'trunkline-dashboard';

/** Where browsers send a request from; other programs do not say. */
const OWN_SITES: ReadonlySet<string> = new Set(['same-origin', 'none']);

/**
 * Refuses what a page of a stranger made a browser send: requests under a name that is not the dashboard's (DNS rebinding)
 * and requests of other origins. What is not to be opened by a link, that is everything but the page, is also refused when
 * it comes from another site without saying from where.
 *
 * @throws StatusError (403).
 */
export function checkRequest(req: IncomingMessage, allowedHosts: ReadonlySet<string>, isPage: boolean): void {
  checkHost(req, allowedHosts);
  checkOrigin(req, new Set());
  const site = req.headers['sec-fetch-site'];
  if (!isPage && typeof site === 'string' && !OWN_SITES.has(site)) {
    throw statusError(403, 'forbidden: a page of another site may not use the dashboard');
  }
}

/** Refuses an action without the page's header. @throws StatusError (403). */
export function checkAction(req: IncomingMessage): void {
  if (req.headers[ACTION_HEADER] === undefined) {
    throw statusError(403, `forbidden: actions need the header ${ACTION_HEADER}`);
  }
}

/** Refuses a WebSocket that no page of the dashboard's own opens. @throws StatusError (403). */
export function checkUpgrade(req: IncomingMessage, allowedHosts: ReadonlySet<string>): void {
  checkRequest(req, allowedHosts, false);
  if (req.headers.origin === undefined) throw statusError(403, 'forbidden: only the page opens WebSockets here');
}

/** What the page may load and do: nothing from elsewhere, no script and no style sheet but its own. */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    // xterm.js writes colours of single characters this way.
    "style-src-attr 'unsafe-inline'",
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
