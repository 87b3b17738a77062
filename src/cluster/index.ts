export { startCluster, type Cluster, type ClusterPod } from './cluster.js';
export { kubectlCommands } from './dashboard-page.js';
export { CommandNotFoundError } from './lookup.js';
export type { ClusterOptions } from './options.js';
export { TerminalUnavailableError } from './pty.js';
