import type { RequestOptions } from 'node:https';
import { MissingPackageError } from '../errors/index.js';
import { plainKubeConfig } from './plain-kube-config.js';

/** What Trunkline uses of a cluster in a {@link KubeConfigLike}. */
export interface ClusterLike {
  readonly server: string;
  readonly caData?: string;
  readonly caFile?: string;
  readonly skipTLSVerify?: boolean;
  readonly tlsServerName?: string;
  readonly proxyUrl?: string;
}

/** What Trunkline uses of a `KubeConfig` of `@kubernetes/client-node`, 1.4 or later. */
export interface KubeConfigLike {
  getCurrentContext(): string;
  getContextObject(name: string): { readonly namespace?: string } | null;
  getCurrentCluster(): ClusterLike | null;
  /** Fills in certificates, and headers with tokens, those of exec plugins and OIDC included. */
  applyToHTTPSOptions(options: RequestOptions): Promise<void>;
}

/**
 * Loads the configuration as kubectl does: `KUBECONFIG`, `~/.kube/config`, or the service account inside a pod.
 *
 * Without `@kubernetes/client-node`, an optional peer dependency, only the one that `trunkline cluster` gives its pods.
 *
 * @throws MissingPackageError when any other is meant; what the package's loader throws.
 */
export async function loadKubeConfig(): Promise<KubeConfigLike> {
  let client: typeof import('@kubernetes/client-node');
  try {
    client = await importClient();
  } catch (error) {
    const plain = await plainKubeConfig(process.env['KUBECONFIG']);
    if (plain === undefined) throw error;
    return plain;
  }
  const { KubeConfig } = client;
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}

async function importClient(): Promise<typeof import('@kubernetes/client-node')> {
  try {
    return await import('@kubernetes/client-node');
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
    // Version 2 needs Node 22.19 and fails on import with an error of its own below that.
    const message = missing
      ? 'this needs the optional package @kubernetes/client-node; install it with: npm install @kubernetes/client-node@^1.4.0'
      : `the optional package @kubernetes/client-node is installed but cannot be loaded by Node ${process.versions.node}; version ^1.4.0 works from Node 20 on, 2 from Node 22.19 on`;
    throw new MissingPackageError(message, { cause });
  }
}
