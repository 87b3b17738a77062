import type { WallClock } from '../clock/wall.js';
import { humanDuration } from './duration.js';
import type { ContainerStatus, Namespace, Pod } from './objects.js';
import type { TableColumn, TableConvertor } from './table.js';

/** A column of text, unless told otherwise. */
export function column(name: string, description: string, options: Partial<TableColumn> = {}): TableColumn {
  return { name, type: 'string', format: '', description, priority: 0, ...options };
}

/** The first column of most tables. */
export const NAME: TableColumn = column('Name', 'Name must be unique within a namespace.', { format: 'name' });
/** The last column of most tables. */
export const AGE: TableColumn = column('Age', 'Time since the object was created.');

/** Pods as `kubectl get pods` shows them, with `-o wide` (`printers/internalversion.printPod`). */
export function podTable(clock: WallClock): TableConvertor<Pod> {
  return {
    columns: [
      NAME,
      column('Ready', 'The aggregate readiness state of this pod for accepting traffic.'),
      column('Status', 'The aggregate status of the containers in this pod.'),
      column(
        'Restarts',
        'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
      ),
      AGE,
      column('IP', 'IP address allocated to the pod.', { priority: 1 }),
      column('Node', 'The node that the pod runs on.', { priority: 1 }),
      column('Nominated Node', 'The node that the pod may run on.', { priority: 1 }),
      column('Readiness Gates', 'Additional conditions for readiness.', { priority: 1 }),
    ],
    cells(pod) {
      const statuses = pod.status.containerStatuses ?? [];
      const ready = statuses.filter((status) => status.ready && status.state.running !== undefined).length;
      return [
        pod.metadata.name,
        `${ready}/${pod.spec.containers.length}`,
        podStatus(pod),
        restarts(statuses, clock),
        age(pod.metadata.creationTimestamp, clock),
        pod.status.podIP ?? '<none>',
        pod.spec.nodeName ?? '<none>',
        '<none>',
        '<none>',
      ];
    },
  };
}

/** Namespaces as `kubectl get namespaces` shows them. */
export function namespaceTable(clock: WallClock): TableConvertor<Namespace> {
  return {
    columns: [NAME, column('Status', 'The status of the namespace'), AGE],
    cells: ({ metadata, status }) => [metadata.name, status.phase, age(metadata.creationTimestamp, clock)],
  };
}

/** The word that kubectl shows as a pod's status: the reason of a container that waits or ended, else the phase. */
export function podStatus(pod: Pod): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  for (const { state } of pod.status.containerStatuses ?? []) {
    if (state.waiting !== undefined) return state.waiting.reason;
    if (state.terminated !== undefined) return state.terminated.reason;
  }
  return pod.status.reason ?? pod.status.phase;
}

function restarts(statuses: readonly ContainerStatus[], clock: WallClock): string {
  const count = statuses.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const ends = statuses.flatMap(({ lastState }) => lastState?.terminated?.finishedAt ?? []);
  const last = ends.toSorted().at(-1);
  return count === 0 || last === undefined ? String(count) : `${count} (${age(last, clock)} ago)`;
}

/** Time since, for people. */
export function age(timestamp: string, clock: WallClock): string {
  return humanDuration((clock.now().getTime() - Date.parse(timestamp)) / 1000);
}
