import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { InvalidArgumentError } from '../errors/index.js';
import { StreamHeaders, type UpgradeRequest } from '../httpstream/index.js';
import type { Credentials, RemoteCommandTarget } from './client-types.js';
import { writeQuery } from './query.js';
import type { RemoteCommandRequest } from './types.js';

/** RFC 1123 subdomain; keeps a name from becoming another path. */
const NAME = /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/;

/** A URL is shown nowhere in these errors: it may hold credentials. */
function parseUrl(url: string | URL): URL {
  if (!URL.canParse(String(url))) throw new InvalidArgumentError('the address of the server is not a URL');
  const parsed = new URL(url);
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new InvalidArgumentError(`the address of the server must be http: or https:, not ${parsed.protocol}`);
  }
  return parsed;
}

/**
 * The address for `action` on a target, with the query that says what is wanted.
 *
 * @throws InvalidArgumentError for an unusable address or name.
 */
export function targetUrl(target: RemoteCommandTarget, action: 'exec' | 'attach', request: RemoteCommandRequest): URL {
  if (typeof target === 'string' || target instanceof URL || 'url' in target) {
    const url = parseUrl(typeof target === 'string' || target instanceof URL ? target : target.url);
    const command = request.command.length === 0 ? url.searchParams.getAll('command') : request.command;
    const container = request.container ?? (url.searchParams.get('container') || undefined);
    writeQuery(url.searchParams, { ...request, command, container });
    return url;
  }
  const { namespace = 'default', pod } = target;
  for (const [kind, name] of Object.entries({ namespace, pod })) {
    // Without types an absent name would come through as "undefined".
    if (typeof name !== 'string' || !NAME.test(name)) {
      throw new InvalidArgumentError(`not the name of a ${kind}: ${JSON.stringify(name)}`);
    }
  }
  const url = parseUrl(target.server);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/namespaces/${namespace}/pods/${pod}/${action}`;
  writeQuery(url.searchParams, request);
  return url;
}

/** What a request to the target needs besides its URL. Asks the target for credentials. */
export async function connectionOf(
  target: RemoteCommandTarget,
): Promise<Pick<UpgradeRequest, 'headers' | 'tls' | 'dialer'>> {
  if (typeof target === 'string' || target instanceof URL) return {};
  const credentials: Credentials = { ...target, ...(await target.credentials?.()) };
  const headers = [...new StreamHeaders(credentials.headers)];
  if (credentials.token !== undefined) headers.push(['Authorization', `Bearer ${credentials.token}`]);
  const tls: TlsConnectionOptions | undefined = credentials.tls;
  return {
    headers: new StreamHeaders(headers),
    ...(tls === undefined ? {} : { tls }),
    ...(target.dialer === undefined ? {} : { dialer: target.dialer }),
  };
}
