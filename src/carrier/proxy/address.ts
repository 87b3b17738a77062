import { InvalidArgumentError } from '../../errors/index.js';
import type { ProxyOption } from '../../httpstream/index.js';
import { credentialsFromUrl } from '../url.js';

/** A proxy, as its address says. */
export interface ProxyAddress {
  readonly scheme: 'http' | 'https' | 'socks5';
  /** A name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  /** For messages: scheme, host and port. */
  readonly name: string;
}

const SCHEMES: Readonly<Record<string, { readonly scheme: ProxyAddress['scheme']; readonly port: number }>> = {
  'http:': { scheme: 'http', port: 80 },
  'https:': { scheme: 'https', port: 443 },
  'socks5:': { scheme: 'socks5', port: 1080 },
  'socks5h:': { scheme: 'socks5', port: 1080 },
};
/** Lengths are one byte (RFC 1929, 2). */
const MOST_SOCKS_CREDENTIAL = 255;

/**
 * The proxy for `url`, if there is to be one.
 *
 * @throws InvalidArgumentError for an unusable address, which is never repeated; what the option's function throws.
 */
export function resolveProxy(option: ProxyOption | undefined, url: URL): ProxyAddress | undefined {
  const given: unknown = typeof option === 'function' ? option(new URL(url)) : option;
  // An empty text is refused below: it must not turn into a direct connection unnoticed.
  if (given === undefined || given === null) return undefined;
  if (typeof given !== 'string' && !(given instanceof URL)) {
    throw new InvalidArgumentError('the address of the proxy must be a string or a URL');
  }
  return parseProxy(given);
}

/** Reads the address of a proxy. Throws as {@link resolveProxy}. */
export function parseProxy(given: string | URL): ProxyAddress {
  const text = String(given);
  if (/[\0-\x1f\x7f]/.test(text)) throw new InvalidArgumentError('the address of the proxy has control characters');
  if (!URL.canParse(text))
    throw new InvalidArgumentError('the address of the proxy is not a URL such as http://host:port');
  const url = new URL(text);
  const known = Object.hasOwn(SCHEMES, url.protocol) ? SCHEMES[url.protocol] : undefined;
  if (known === undefined) {
    throw new InvalidArgumentError(
      `the scheme of the proxy must be http, https, socks5 or socks5h, not ${JSON.stringify(url.protocol)}`,
    );
  }
  const host = hostOf(url);
  const port = url.port === '' ? known.port : Number(url.port);
  const credentials = credentialsFromUrl(url);
  if (known.scheme === 'socks5' && credentials !== undefined) checkSocksCredentials(credentials);
  const name = `${url.protocol}//${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { scheme: known.scheme, host, port, credentials, name };
}

/** The URL standard leaves the host of a scheme that it does not know as it is written; read it as that of an http URL. */
function hostOf(url: URL): string {
  const asHttp = `http://${url.host}`;
  if (url.hostname === '' || !URL.canParse(asHttp)) throw new InvalidArgumentError('the proxy has no usable host');
  return new URL(asHttp).hostname.replace(/^\[|\]$/g, '');
}

function checkSocksCredentials({ username, password }: NonNullable<ProxyAddress['credentials']>): void {
  if (username === '') throw new InvalidArgumentError('SOCKS credentials need a user name');
  for (const text of [username, password]) {
    if (Buffer.byteLength(text) > MOST_SOCKS_CREDENTIAL) {
      throw new InvalidArgumentError(`SOCKS credentials have at most ${MOST_SOCKS_CREDENTIAL} bytes each`);
    }
  }
}
