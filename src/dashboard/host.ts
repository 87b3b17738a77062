import type { Pod, ResourceReader } from '../apiserver/index.js';

/** Where a pod's public port is. */
export interface PodAddress {
  readonly ip: string;
  readonly port: number;
}

/** What the dashboard is told of the cluster, and what it may ask of it. */
export interface DashboardHost {
  /** Address of the API server; empty until it listens. */
  readonly apiServer: string;
  /** Namespace of the pods. */
  readonly namespace: string;
  readonly pods: ResourceReader<Pod>;
  /**
   * The address that the runtime gave the pod, and not what its object says: requests are sent there. `undefined` while it
   * has none.
   */
  address(pod: Pod): PodAddress | undefined;
  /** Sends the pod's main process a signal; the same pod then starts again. */
  kill(pod: Pod, signal: NodeJS.Signals): Promise<void>;
  /** Deletes the pod, gracefully, and puts a new one in its place. */
  replace(pod: Pod): Promise<void>;
}
