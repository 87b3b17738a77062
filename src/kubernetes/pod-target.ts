import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { InvalidArgumentError } from '../errors/index.js';
import { parseProxy } from '../carrier/proxy/address.js';
import type { Credentials, PodTarget } from '../carrier/target.js';
import type { Dialer, ProxyOption } from '../httpstream/index.js';
import type { ClusterLike, KubeConfigLike } from './kube-config.js';

/** Which pod, and how to reach its API server. */
export interface PodTargetOptions {
  readonly pod: string;
  /** Default: the namespace of the current context, else `default`. */
  readonly namespace?: string;
  /** Replaces the built-in dialling, and with it any proxy. */
  readonly dialer?: Dialer;
  /** Default: the `proxy-url` of the cluster, else none. `() => undefined` goes past it. */
  readonly proxy?: ProxyOption | undefined;
  /** TLS settings towards an `https:` proxy. Default: what the cluster says of CA and verification, as kubectl has it. */
  readonly proxyTls?: TlsConnectionOptions | undefined;
}

/**
 * A pod of the current context as a target for `exec`, `attach` and `portForward`.
 *
 * Credentials are asked for anew before each connection, so that tokens which expire, from exec plugins say, are fresh.
 * `@kubernetes/client-node` refuses an `http:` server, such as the embedded cluster, unless its cluster has
 * `skipTLSVerify: true`; without a KubeConfig, `{ server, pod }` is a target too.
 *
 * The `proxy-url` of the cluster is gone through, if there is one; the variables of the environment count for nothing
 * unless `proxy` is `proxyFromEnvironment()`.
 *
 * @throws InvalidArgumentError when the configuration has no current cluster, or one with an unusable `proxy-url`.
 */
export function podTarget(config: KubeConfigLike, options: PodTargetOptions): PodTarget {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new InvalidArgumentError('the kubeconfig has no current cluster');
  const proxy = proxyOf(cluster, options);
  const context = config.getContextObject(config.getCurrentContext());
  return {
    server: cluster.server,
    namespace: options.namespace ?? (context?.namespace || 'default'),
    pod: options.pod,
    credentials: () => credentialsOf(config, cluster, options.proxyTls),
    ...(options.dialer === undefined ? {} : { dialer: options.dialer }),
    ...(proxy === undefined ? {} : { proxy }),
  };
}

function proxyOf(cluster: ClusterLike, { dialer, proxy }: PodTargetOptions): ProxyOption | undefined {
  if (proxy !== undefined || dialer !== undefined) return proxy;
  // Now, and not at the first connection, is the time to complain about a mistake in the file.
  if (cluster.proxyUrl) parseProxy(cluster.proxyUrl);
  return cluster.proxyUrl || undefined;
}

/** Names in both https options and TLS options. */
const TLS_NAMES = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'rejectUnauthorized', 'servername'] as const;

async function credentialsOf(
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
