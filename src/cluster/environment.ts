import type { PodAddress } from './network.js';

/** What is known of a pod before it runs. */
export interface PodIdentity extends PodAddress {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  /** Working directory of its own. */
  readonly directory: string;
  /** File that tells clients where the API server is. */
  readonly kubeconfig: string;
  readonly clusterId: string;
}

/** Where programs are looked for when this process has no PATH. */
export const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Variables that describe the terminal or the npm script that this process runs in, not the machine. */
const PRIVATE =
  /^(?:npm_.*|TMUX|TMUX_PANE|STY|WINDOW|WINDOWID|TERM|TERMCAP|COLUMNS|LINES|OLDPWD|NODE_CHANNEL_.*|NODE_TEST_CONTEXT|NODE_UNIQUE_ID|INIT_CWD)$/;

/** The environment of a pod's processes: that of this process, and what the pod is. */
export function podEnvironment(identity: PodIdentity, inherited: NodeJS.ProcessEnv): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const [name, value] of Object.entries(inherited)) {
    if (value !== undefined && !PRIVATE.test(name)) environment[name] = value;
  }
  const { name, namespace, uid, ip, port, internalPort, directory, kubeconfig } = identity;
  return {
    PATH: DEFAULT_PATH,
    ...environment,
    PWD: directory,
    HOSTNAME: name,
    POD_NAME: name,
    POD_NAMESPACE: namespace,
    POD_UID: uid,
    POD_IP: ip,
    HOST: ip,
    PORT: String(port),
    INTERNAL_PORT: String(internalPort),
    KUBECONFIG: kubeconfig,
    ...Object.fromEntries([clusterMark(identity.clusterId).split('=', 2)]),
  };
}

/** The entry in the environment by which all processes of a cluster are found. */
export function clusterMark(clusterId: string): string {
  return `TRUNKLINE_CLUSTER_ID=${clusterId}`;
}

/** The entry in the environment by which all processes of a pod are found. */
export function podMark(uid: string): string {
  return `POD_UID=${uid}`;
}
