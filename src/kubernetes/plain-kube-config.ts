import { readFile } from 'node:fs/promises';
import type { KubeConfigLike } from './kube-config.js';

/** What is looked at of a kubeconfig (client-go `tools/clientcmd/api/v1.Config`). */
interface Config {
  readonly 'current-context': string;
  readonly contexts: readonly {
    readonly name: string;
    readonly context: { readonly cluster: string; readonly user: string; readonly namespace?: string };
  }[];
  readonly clusters: readonly { readonly name: string; readonly cluster: { readonly server: string } }[];
  readonly users: readonly { readonly name: string; readonly user: object }[];
}

/**
 * Reads a kubeconfig that needs no client library, as the embedded cluster writes for its pods: in JSON, with an `http:`
 * server, no proxy, and a user without credentials. `undefined` for any other file, and for none.
 *
 * @param path Value of `KUBECONFIG`; a list of several files is none of these.
 */
export async function plainKubeConfig(path: string | undefined): Promise<KubeConfigLike | undefined> {
  try {
    if (path === undefined) return undefined;
    return toConfig(JSON.parse(await readFile(path, 'utf8')) as Config);
  } catch {
    return undefined;
  }
}

function toConfig(config: Config): KubeConfigLike | undefined {
  const current = config['current-context'];
  const context = config.contexts.find(({ name }) => name === current)?.context;
  const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster;
  const user = config.users.find(({ name }) => name === context?.user)?.user;
  if (context === undefined || cluster === undefined || user === undefined) return undefined;
  const plain = new URL(cluster.server).protocol === 'http:' && !('proxy-url' in cluster);
  if (!plain || Object.keys(user).length > 0) return undefined;
  const { namespace } = context;
  return {
    getCurrentContext: () => current,
    getContextObject: (name) => (name !== current ? null : namespace === undefined ? {} : { namespace }),
    getCurrentCluster: () => ({ server: cluster.server }),
    applyToHTTPSOptions: () => Promise.resolve(),
  };
}
