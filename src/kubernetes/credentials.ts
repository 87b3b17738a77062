import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { parseProxy } from '../carrier/proxy/address.js';
import type { Credentials } from '../carrier/target.js';
import type { Dialer, ProxyOption } from '../httpstream/index.js';
import type { ClusterLike, KubeConfigLike } from './kube-config.js';

/** How a caller wants to get to the API server. */
export interface WayOptions {
  readonly dialer?: Dialer;
  readonly proxy?: ProxyOption | undefined;
}

/**
 * The proxy to go through: what the caller says, else the `proxy-url` of the cluster.
 *
 * @throws InvalidArgumentError when that is unusable.
 */
export function proxyOf(cluster: ClusterLike, { dialer, proxy }: WayOptions): ProxyOption | undefined {
  if (proxy !== undefined || dialer !== undefined) return proxy;
  // Now, and not at the first connection, is the time to complain about a mistake in the file.
  if (cluster.proxyUrl) parseProxy(cluster.proxyUrl);
  return cluster.proxyUrl || undefined;
}

/** Names in both https options and TLS options. */
const TLS_NAMES = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'rejectUnauthorized', 'servername'] as const;

/** Asks the configuration for headers, tokens in them, and TLS settings, those of exec plugins and OIDC included. */
export async function credentialsOf(
  config: KubeConfigLike,
  cluster: ClusterLike,
  proxyTls: TlsConnectionOptions | undefined,
): Promise<Credentials> {
  const options: RequestOptions & TlsConnectionOptions = {};
  await config.applyToHTTPSOptions(options);
  const given = TLS_NAMES.filter((name) => options[name] !== undefined && options[name] !== null);
  const trust = await clusterTrust(cluster);
  const tls: TlsConnectionOptions = {
    ...trust,
    ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
    ...Object.fromEntries(given.map((name) => [name, options[name]])),
  };
  return { headers: headersOf(options), tls, proxyTls: proxyTls ?? trust };
}

/** client-node leaves these out for a context without a user. */
async function clusterTrust(cluster: ClusterLike): Promise<TlsConnectionOptions> {
  const { caData, caFile } = cluster;
  const ca = caData ? Buffer.from(caData, 'base64') : caFile ? await readFile(caFile) : undefined;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cluster.skipTLSVerify === true ? { rejectUnauthorized: false } : {}),
  };
}

function headersOf(options: RequestOptions): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (value !== undefined) headers[name] = typeof value === 'object' ? [...value] : String(value);
  }
  if (options.auth) headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  return headers;
}
