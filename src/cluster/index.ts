export { startCluster, type Cluster, type ClusterPod, type ReplaceOptions } from './cluster.js';
export { CommandNotFoundError } from './lookup.js';
export type { ClusterOptions } from './options.js';
export { TerminalUnavailableError } from './pty.js';
export type { ServeOptions } from './workload.js';
