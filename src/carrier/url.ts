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
  if (!URL.canParse(String(url)))
    throw new InvalidArgumentError('the URL cannot be parsed; it is to look like http://host:port/path');
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

/** User name and password of an address, percent-escapes decoded; `undefined` when it has neither. */
export function credentialsFromUrl(url: URL): { readonly username: string; readonly password: string } | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return { username: decoded(url.username), password: decoded(url.password) };
}

/** The value of an Authorization or Proxy-Authorization header (RFC 7617). */
export function basicCredentials({ username, password }: { username: string; password: string }): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** The Authorization header (Basic, RFC 7617) for credentials in the address; `undefined` when it has none. */
export function authorizationFromUrl(url: string | URL): string | undefined {
  const credentials = credentialsFromUrl(new URL(url));
  return credentials && basicCredentials(credentials);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
