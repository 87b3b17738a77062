import { readFile } from 'node:fs/promises';
import type { RequestOptions } from 'node:https';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { InvalidArgumentError } from '../errors/index.js';
import type { Dialer } from '../httpstream/index.js';
import type { Credentials, PodTarget } from '../carrier/target.js';
import type { ClusterLike, KubeConfigLike } from './kube-config.js';

/** Which pod, and how to reach its API server. */
export interface PodTargetOptions {
  readonly pod: string;
  /** Default: the namespace of the current context, else `default`. */
  readonly namespace?: string;
  /** Replaces the built-in dialling; needed where the cluster has a `proxy-url`. */
  readonly dialer?: Dialer;
}

/**
 * A pod of the current context as a target for `exec`, `attach` and `portForward`.
 *
 * Credentials are asked for anew before each connection, so that tokens which expire, from exec plugins say, are fresh.
 * `@kubernetes/client-node` refuses an `http:` server, such as the embedded cluster, unless its cluster has
 * `skipTLSVerify: true`; without a KubeConfig, `{ server, pod }` is a target too.
 *
 * @throws InvalidArgumentError when the configuration has no current cluster, or reaches it through a proxy and no
 * dialer is given.
 */
export function podTarget(config: KubeConfigLike, options: PodTargetOptions): PodTarget {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new InvalidArgumentError('the kubeconfig has no current cluster');
  if (cluster.proxyUrl && options.dialer === undefined) {
    throw new InvalidArgumentError('the kubeconfig asks for a proxy (proxy-url); give a dialer that goes through it');
  }
  const context = config.getContextObject(config.getCurrentContext());
  return {
    server: cluster.server,
    namespace: options.namespace ?? (context?.namespace || 'default'),
    pod: options.pod,
    credentials: () => credentialsOf(config, cluster),
    ...(options.dialer === undefined ? {} : { dialer: options.dialer }),
  };
}

/** Names in both https options and TLS options. */
const TLS_NAMES = ['ca', 'cert', 'key', 'pfx', 'passphrase', 'rejectUnauthorized', 'servername'] as const;

async function credentialsOf(config: KubeConfigLike, cluster: ClusterLike): Promise<Credentials> {
  const options: RequestOptions & TlsConnectionOptions = {};
  await config.applyToHTTPSOptions(options);
  const given = TLS_NAMES.filter((name) => options[name] !== undefined && options[name] !== null);
  const tls: TlsConnectionOptions = await clusterTls(cluster);
  Object.assign(tls, Object.fromEntries(given.map((name) => [name, options[name]])));
  return { headers: headersOf(options), tls };
}

/** client-node leaves these out for a context without a user. */
async function clusterTls(cluster: ClusterLike): Promise<TlsConnectionOptions> {
  const { caData, caFile } = cluster;
  const ca = caData ? Buffer.from(caData, 'base64') : caFile ? await readFile(caFile) : undefined;
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cluster.skipTLSVerify === true ? { rejectUnauthorized: false } : {}),
    ...(cluster.tlsServerName ? { servername: cluster.tlsServerName } : {}),
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
