import type { Presence } from '../mesh/bus.js';
import type { PodState } from '../mesh/protocol/messages.js';
import type { LinkInfo, MeshStats } from '../mesh/stats.js';
import type { LogStats } from '../push/log/counters.js';

/** How a pod does: `GET /status`. */
export interface PodStatus {
  readonly name: string;
  /** Id of this run of the pod. */
  readonly origin: string;
  readonly state: PodState;
  /** Of the package. */
  readonly version: string;
  /** Milliseconds since it was made. */
  readonly uptime: number;
  /** Clients that follow now. */
  readonly clients: number;
  readonly internalPort: number;
  readonly links: readonly LinkInfo[];
  readonly mesh: MeshStats;
  readonly log: LogStats;
  /** Streams and patterns that are followed here. */
  readonly streams: readonly { readonly name: string; readonly clients: number }[];
}

/** Who follows what in the whole mesh: `GET /streams`. */
export interface MeshStreams {
  /** Each stream or pattern that is followed anywhere, by name; `pods` has its clients by pod. */
  readonly streams: readonly {
    readonly name: string;
    readonly clients: number;
    readonly pods: Readonly<Record<string, number>>;
  }[];
  readonly pods: readonly { readonly name: string; readonly origin: string; readonly clients: number }[];
  /** Pods that did not answer in time. */
  readonly missing: readonly string[];
}

/** Turns who follows on each pod into who follows each stream. */
export function streamsOf({ pods, missing }: Presence): MeshStreams {
  const byName = new Map<string, Map<string, number>>();
  for (const pod of pods) {
    for (const [stream, clients] of pod.streams) {
      const counts = byName.get(stream) ?? new Map<string, number>();
      counts.set(pod.name, (counts.get(pod.name) ?? 0) + clients);
      byName.set(stream, counts);
    }
  }
  return {
    streams: [...byName]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, counts]) => ({
        name,
        clients: [...counts.values()].reduce((sum, count) => sum + count, 0),
        pods: Object.fromEntries(counts),
      })),
    pods: pods.map(({ name, origin, clients }) => ({ name, origin, clients })),
    missing,
  };
}
