import { InvalidArgumentError } from '../errors/index.js';

const SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'ws:', 'wss:']);

/**
 * Reads an address of scheme `http:`, `https:`, `ws:` or `wss:`.
 *
 * @throws InvalidArgumentError for anything else, and for control characters, which the URL parser would drop in
 * silence. The message never repeats the address: it may hold credentials.
 */
export function parseUrl(url: string | URL): URL {
  if (typeof url === 'string' && /[\0-\x1f\x7f]/.test(url)) {
    throw new InvalidArgumentError('the URL has control characters');
  }
  if (!URL.canParse(String(url))) throw new InvalidArgumentError('the URL cannot be parsed');
  const parsed = new URL(url);
  if (!SCHEMES.has(parsed.protocol)) {
    throw new InvalidArgumentError(`the URL's scheme must be http, https, ws or wss, not ${parsed.protocol}`);
  }
  return parsed;
}

/**
 * An address fit for messages and logs: without credentials, fragment, and the values in its query, which for exec is a
 * command line.
 */
export function redactUrl(url: string | URL): string {
  if (!URL.canParse(String(url))) return '(invalid URL)';
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === '' ? '' : '?…'}`;
}

/** The Authorization header (Basic, RFC 7617) for credentials in the address; `undefined` when it has none. */
export function authorizationFromUrl(url: string | URL): string | undefined {
  const { username, password } = new URL(url);
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
