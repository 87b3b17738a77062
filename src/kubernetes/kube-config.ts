import type { RequestOptions } from 'node:https';
import { TrunklineError } from '../errors/index.js';

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

/** An optional package is needed that is not installed; the message says which. */
export class MissingPackageError extends TrunklineError {
  readonly code = 'ERR_MISSING_PACKAGE';
}

/**
 * Loads the configuration as kubectl does: `KUBECONFIG`, `~/.kube/config`, or the service account inside a pod.
 *
 * @throws MissingPackageError without `@kubernetes/client-node`, an optional peer dependency; what its loader throws.
 */
export async function loadKubeConfig(): Promise<KubeConfigLike> {
  const { KubeConfig } = await importClient();
  const config = new KubeConfig();
  config.loadFromDefault();
  return config;
}

async function importClient(): Promise<typeof import('@kubernetes/client-node')> {
  try {
    return await import('@kubernetes/client-node');
  } catch (cause) {
    throw new MissingPackageError('this needs the package @kubernetes/client-node, ^1.4.0 on Node 20', { cause });
  }
}
