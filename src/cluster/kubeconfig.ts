import { writeFile } from 'node:fs/promises';

/**
 * Writes a kubeconfig that leads to a cluster's API server, readable by this user alone: for the pods' own clients, and
 * so that these do not find the one of the user's real cluster.
 */
export async function writeKubeconfig(file: string, apiServer: string, namespace: string): Promise<void> {
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'trunkline', cluster: { server: reachable(apiServer), 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'pod', user: {} }],
    contexts: [{ name: 'trunkline', context: { cluster: 'trunkline', user: 'pod', namespace } }],
    'current-context': 'trunkline',
  };
  // JSON is YAML.
  await writeFile(file, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
}

/** A server on all addresses is reached by loopback. */
function reachable(apiServer: string): string {
  return apiServer.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
