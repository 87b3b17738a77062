import type { Pod } from '../apiserver/index.js';
import type { DashboardHost, PodAddress } from './host.js';

/** A pod and where it is reached. */
export interface ReachablePod {
  readonly pod: Pod;
  readonly name: string;
  readonly address: PodAddress;
}

/** The cluster's pods that have an address; with `ready` only those that a Service would send clients to. */
export function reachablePods(cluster: DashboardHost, ready = false): readonly ReachablePod[] {
  return podsOf(cluster)
    .filter((pod) => !ready || isReady(pod))
    .flatMap((pod) => {
      const address = cluster.address(pod);
      return address === undefined ? [] : [{ pod, name: pod.metadata.name, address }];
    });
}

/** The cluster's pods in its namespace. */
export function podsOf({ pods, namespace }: DashboardHost): readonly Pod[] {
  return pods.list().items.filter(({ metadata }) => metadata.namespace === namespace);
}

/** Whether clients may be sent to it. */
export function isReady({ metadata, status }: Pod): boolean {
  if (metadata.deletionTimestamp !== undefined) return false;
  const condition = status.conditions?.find(({ type }) => type === 'Ready');
  if (condition !== undefined) return condition.status === 'True';
  return status.containerStatuses?.every(({ ready }) => ready) ?? false;
}
