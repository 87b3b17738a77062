import type { IncomingMessage } from 'node:http';
import { parseUrl } from '../carrier/dial.js';
import type { ProxySettings } from './options.js';
import { RefusedError, badRequest } from './refusal.js';

/** Where a request goes. */
export interface Location {
  /** The backend. */
  readonly url: URL;
  /** Path and query that it is asked for. */
  readonly path: string;
}

interface Target {
  readonly url: URL;
  /** `''` where the target has none. */
  readonly path: string;
}

/**
 * Where an upgrade request goes: to the target with its path and query, or with those of the request by option
 * (apimachinery `tryUpgrade`).
 *
 * @throws RefusedError (400) for a target that is no path, (404) where there is no target; what the hook throws.
 */
export async function upgradeLocation(req: IncomingMessage, settings: ProxySettings): Promise<Location> {
  const { url, path } = await targetOf(req, settings);
  if (!settings.useRequestLocation) return { url, path: (path === '' ? '/' : path) + url.search };
  const asked = splitTarget(req.url ?? '');
  return { url, path: withLocationPath(asked.path, path, settings) + asked.query };
}

/**
 * Where a plain request goes, or the Location of the redirect that adds the slash to an empty path (apimachinery
 * `ServeHTTP`). The query is always that of the request.
 *
 * @throws as {@link upgradeLocation}.
 */
export async function plainLocation(
  req: IncomingMessage,
  settings: ProxySettings,
): Promise<Location | { readonly redirect: string }> {
  const target = await targetOf(req, settings);
  const { url } = target;
  const asked = splitTarget(req.url ?? '');
  if (settings.useRequestLocation)
    return { url, path: withLocationPath(asked.path, target.path, settings) + asked.query };
  const slash = asked.path.endsWith('/') && !target.path.endsWith('/');
  const path = slash ? `${target.path}/` : target.path;
  if (path === '' && (req.method === 'GET' || req.method === 'HEAD')) {
    // Two slashes in front would be another host.
    return { redirect: `/${asked.path.replace(/^[/\\]+/, '')}/${asked.query}` };
  }
  return { url, path: joined(settings.appendLocationPath ? target.path : '', path) + asked.query };
}

async function targetOf(req: IncomingMessage, settings: ProxySettings): Promise<Target> {
  const target = await settings.target(req);
  if (target === undefined) throw new RefusedError({ code: 404, message: 'there is no backend for this request' });
  const url = parseUrl(target);
  // A URL has a path in any case; only the text shows that there was none.
  const empty = typeof target === 'string' && /^[a-z]+:\/\/[^/?#]*(?:[?#]|$)/i.test(target.trim());
  return { url, path: empty ? '' : url.pathname };
}

function withLocationPath(path: string, base: string, settings: ProxySettings): string {
  if (!settings.appendLocationPath) return path;
  // The base is there to stay in.
  if (/(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\\]|%2f|%5c|$)/i.test(path)) {
    throw badRequest('the path must not have dot segments');
  }
  return joined(base, path);
}

/** Puts exactly one slash between two paths (`singleJoiningSlash`). */
function joined(base: string, path: string): string {
  if (base.endsWith('/') && path.startsWith('/')) return base + path.slice(1);
  return base.endsWith('/') || path.startsWith('/') ? base + path : `${base}/${path}`;
}

/** Path and query of a request line's target, which may be in absolute form (RFC 9112, 3.2.2). */
function splitTarget(target: string): { readonly path: string; readonly query: string } {
  const origin = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/, '');
  const ascii = origin.replace(/[\x80-\xff]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
  const start = ascii.indexOf('?');
  const path = (start === -1 ? ascii : ascii.slice(0, start)) || '/';
  if (!path.startsWith('/')) throw badRequest('the target of the request is not a path');
  return { path, query: start === -1 ? '' : ascii.slice(start) };
}
