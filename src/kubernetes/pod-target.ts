import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { InvalidArgumentError } from '../errors/index.js';
import type { PodTarget } from '../carrier/target.js';
import type { Dialer, ProxyOption } from '../httpstream/index.js';
import { credentialsOf, proxyOf } from './credentials.js';
import type { KubeConfigLike } from './kube-config.js';

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
