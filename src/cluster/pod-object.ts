import type { Container, ContainerState, Pod, PodCondition } from '../apiserver/index.js';
import { rfc3339 } from '../apiserver/namespaces.js';
import type { PodIdentity } from './environment.js';
import { PROBE_FAILURES, PROBE_PERIOD, PROBE_TIMEOUT, type ReadinessProbe } from './readiness.js';

/** Name of the one container of each pod. */
export const CONTAINER = 'main';
/** Names that the container gives its ports. */
export const PUBLIC_PORT_NAME = 'http';
export const MESH_PORT_NAME = 'mesh';

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
  /** Set while it is being deleted: when it is gone at the latest, and how long it was given. */
  readonly deletion: { readonly deadline: Date; readonly graceSeconds: number } | undefined;
  readonly probe: ReadinessProbe;
  /** Seconds that it is given to end by itself, unless told otherwise. */
  readonly graceSeconds: number;
  readonly state: MainState;
  readonly lastEnd: Termination | undefined;
  readonly restartCount: number;
  readonly ready: boolean;
  /** When the Ready condition last changed. */
  readonly readyChangedAt: Date;
}

/** The `v1.Pod` that tells the truth about a local process. */
export function podObject(record: PodRecord): Pod {
  const { identity, state, ready, lastEnd, deletion } = record;
  const running = state.kind === 'running';
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: identity.name,
      namespace: identity.namespace,
      uid: identity.uid,
      creationTimestamp: rfc3339(record.createdAt),
      ...(deletion === undefined
        ? {}
        : { deletionTimestamp: rfc3339(deletion.deadline), deletionGracePeriodSeconds: deletion.graceSeconds }),
      labels: record.labels,
    },
    spec: {
      containers: [containerOf(record)],
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: record.graceSeconds,
      nodeName: 'local',
    },
    status: {
      phase: phaseOf(record),
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

function containerOf({ identity, command, probe }: PodRecord): Container {
  const { ip, port, internalPort } = identity;
  const variables = { POD_IP: ip, PORT: String(port), INTERNAL_PORT: String(internalPort) };
  return {
    name: CONTAINER,
    image: 'local-process',
    command,
    workingDir: identity.directory,
    stdin: true,
    env: Object.entries(variables).map(([name, value]) => ({ name, value })),
    ports: [
      { name: PUBLIC_PORT_NAME, containerPort: port, protocol: 'TCP' },
      { name: MESH_PORT_NAME, containerPort: internalPort, protocol: 'TCP' },
    ],
    readinessProbe: {
      ...(probe.kind === 'http'
        ? { httpGet: { path: probe.path, port: PUBLIC_PORT_NAME } }
        : { tcpSocket: { port: PUBLIC_PORT_NAME } }),
      // Whole seconds are the finest that can be said.
      periodSeconds: Math.max(1, Math.round(PROBE_PERIOD / 1000)),
      timeoutSeconds: PROBE_TIMEOUT / 1000,
      failureThreshold: PROBE_FAILURES,
    },
  };
}

/** A pod that is being deleted is not started again: the end of its process is its own. */
function phaseOf({ state, restartCount, deletion }: PodRecord): Pod['status']['phase'] {
  if (state.kind === 'creating' && restartCount === 0) return 'Pending';
  if (state.kind !== 'terminated' || deletion === undefined) return 'Running';
  return state.end.exitCode === 0 ? 'Succeeded' : 'Failed';
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
