import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { InvalidArgumentError } from '../errors/index.js';
import {
  StreamHeaders,
  type Dialer,
  type HeadersInit,
  type ProxyOption,
  type UpgradeRequest,
} from '../httpstream/index.js';

/** What proves to the server who asks. */
export interface Credentials {
  readonly headers?: HeadersInit;
  /** Bearer token. */
  readonly token?: string;
  /** Client certificate, custom CA and other TLS settings. */
  readonly tls?: TlsConnectionOptions;
  /** TLS settings towards an `https:` proxy, which never sees those of `tls`. Default: Node's, with its CAs. */
  readonly proxyTls?: TlsConnectionOptions | undefined;
}

interface TargetBase extends Credentials {
  /** Replaces the built-in TCP and TLS dialling. */
  readonly dialer?: Dialer;
  /** Proxy to go through; not together with `dialer`. Default: none, whatever the environment says. */
  readonly proxy?: ProxyOption | undefined;
  /** Asked before each attempt to connect; what it gives replaces the fixed credentials of the same name. */
  readonly credentials?: () => Credentials | Promise<Credentials>;
}

/** A pod behind an API server. */
export interface PodTarget extends TargetBase {
  /** Base address of the API server, `https://host:6443` for example; may have a path. */
  readonly server: string | URL;
  /** Default `default`. */
  readonly namespace?: string;
  readonly pod: string;
}

/** The whole address of an endpoint of exec, attach or port-forward. Its query is kept, except for what the options say. */
export interface UrlTarget extends TargetBase {
  readonly url: string | URL;
}

/** What a stream request goes to; a bare string or URL is the address of a {@link UrlTarget}. */
export type StreamTarget = PodTarget | UrlTarget | string | URL;

/** What is easily taken for an option beside the target, and where it belongs. */
export const TARGET_NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  ['server', 'url', 'namespace', 'pod', 'headers', 'token', 'tls', 'dialer', 'proxy', 'proxyTls', 'credentials'].map(
    (name) => [name, 'the target'],
  ),
);

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

/** Whether a target is the address of an endpoint, rather than a pod. */
export function isUrlTarget(target: StreamTarget): target is UrlTarget | string | URL {
  return typeof target === 'string' || target instanceof URL || 'url' in target;
}

/**
 * The address of a pod's subresource `action`, or the address that the target gives itself, as a copy.
 *
 * @throws InvalidArgumentError for an unusable address or name.
 */
export function subresourceUrl(target: StreamTarget, action: 'exec' | 'attach' | 'portforward'): URL {
  if (isUrlTarget(target)) {
    return parseUrl(typeof target === 'string' || target instanceof URL ? target : target.url);
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
  return url;
}

/** What a request to the target needs besides its URL. Asks the target for credentials. */
export async function connectionOf(
  target: StreamTarget,
): Promise<Pick<UpgradeRequest, 'headers' | 'tls' | 'dialer' | 'proxy' | 'proxyTls'>> {
  if (typeof target === 'string' || target instanceof URL) return {};
  const credentials: Credentials = { ...target, ...(await target.credentials?.()) };
  const headers = [...new StreamHeaders(credentials.headers)];
  if (credentials.token !== undefined) headers.push(['Authorization', `Bearer ${credentials.token}`]);
  const tls: TlsConnectionOptions | undefined = credentials.tls;
  return {
    headers: new StreamHeaders(headers),
    ...(tls === undefined ? {} : { tls }),
    ...(target.dialer === undefined ? {} : { dialer: target.dialer }),
    proxy: target.proxy,
    proxyTls: credentials.proxyTls,
  };
}
