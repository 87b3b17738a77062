import type { ContainerState, Pod, PodCondition } from '../apiserver/index.js';
import { rfc3339 } from '../apiserver/namespaces.js';
import type { PodIdentity } from './environment.js';

/** Name of the one container of each pod. */
export const CONTAINER = 'main';

/** One end of a pod's main process. */
export interface Termination {
  readonly exitCode: number;
  /** Number of the signal that ended it. */
  readonly signal?: number;
  /** Set when the process could not be started at all. */
  readonly startError?: string;
  readonly startedAt: Date;
  readonly finishedAt: Date;
}

/** What a pod's main process is doing. */
export type MainState =
  | { readonly kind: 'creating' }
  | { readonly kind: 'running'; readonly pid: number; readonly startedAt: Date }
  | { readonly kind: 'back-off'; readonly milliseconds: number }
  | { readonly kind: 'terminated'; readonly end: Termination };

/** Everything that a Pod object is made of. */
export interface PodRecord {
  readonly identity: PodIdentity;
  readonly command: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly deletedAt: Date | undefined;
  readonly state: MainState;
  readonly lastEnd: Termination | undefined;
  readonly restartCount: number;
  readonly ready: boolean;
  /** When the Ready condition last changed. */
  readonly readyChangedAt: Date;
}

/** The `v1.Pod` that tells the truth about a local process. */
export function podObject(record: PodRecord): Pod {
  const { identity, state, ready, lastEnd } = record;
  const running = state.kind === 'running';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: identity.name,
      namespace: identity.namespace,
      uid: identity.uid,
      creationTimestamp: rfc3339(record.createdAt),
      ...(record.deletedAt === undefined ? {} : { deletionTimestamp: rfc3339(record.deletedAt) }),
      labels: record.labels,
    },
    spec: {
      containers: [
        {
          name: CONTAINER,
          image: 'local-process',
          command: record.command,
          workingDir: identity.directory,
          stdin: true,
          env: [{ name: 'PORT', value: String(identity.port) }],
          ports: [{ name: 'http', containerPort: identity.port, protocol: 'TCP' }],
        },
      ],
      restartPolicy: 'Always',
      nodeName: 'local',
    },
    status: {
      phase: state.kind === 'creating' && record.restartCount === 0 ? 'Pending' : 'Running',
      podIP: identity.ip,
      podIPs: [{ ip: identity.ip }],
      hostIP: '127.0.0.1',
      startTime: rfc3339(record.createdAt),
      conditions: conditionsOf(record),
      containerStatuses: [
        {
          name: CONTAINER,
          image: 'local-process',
          imageID: '',
          ...(running ? { containerID: `process://${state.pid}` } : {}),
          ready,
          started: running,
          restartCount: record.restartCount,
          state: containerState(state, identity.name),
          lastState: lastEnd === undefined ? {} : { terminated: terminated(lastEnd) },
        },
      ],
    },
  };
}

function conditionsOf({ ready, createdAt, readyChangedAt }: PodRecord): PodCondition[] {
  const created = rfc3339(createdAt);
  const readiness = {
    status: ready ? ('True' as const) : ('False' as const),
    ...(ready ? {} : { reason: 'ContainersNotReady', message: `containers with unready status: [${CONTAINER}]` }),
    lastTransitionTime: rfc3339(readyChangedAt),
  };
  return [
    { type: 'PodScheduled', status: 'True', lastTransitionTime: created },
    { type: 'Initialized', status: 'True', lastTransitionTime: created },
    { type: 'ContainersReady', ...readiness },
    { type: 'Ready', ...readiness },
  ];
}

function containerState(state: MainState, pod: string): ContainerState {
  switch (state.kind) {
    case 'creating':
      return { waiting: { reason: 'ContainerCreating' } };
    case 'running':
      return { running: { startedAt: rfc3339(state.startedAt) } };
    case 'terminated':
      return { terminated: terminated(state.end) };
    case 'back-off': {
      const message = `back-off ${state.milliseconds / 1000}s restarting failed container=${CONTAINER} pod=${pod}`;
      return { waiting: { reason: 'CrashLoopBackOff', message } };
    }
  }
}

function terminated(end: Termination): NonNullable<ContainerState['terminated']> {
  return {
    exitCode: end.exitCode,
    ...(end.signal === undefined ? {} : { signal: end.signal }),
    reason: end.startError === undefined ? (end.exitCode === 0 ? 'Completed' : 'Error') : 'StartError',
    ...(end.startError === undefined ? {} : { message: end.startError }),
    startedAt: rfc3339(end.startedAt),
    finishedAt: rfc3339(end.finishedAt),
  };
}
