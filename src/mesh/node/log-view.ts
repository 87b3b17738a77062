import type { Clock } from '../../clock/clock.js';
import type { Appended, RemoteEvent } from '../../push/log/event-log.js';
import type { History } from '../../push/log/settings.js';
import type { SnapshotPart } from '../../push/log/snapshot.js';
import type { LogEvent } from '../../push/log/types.js';

/** What the mesh needs of an `EventLog`: it appends to it and reads from it, and knows nothing of who follows. */
export interface MeshLog {
  readonly origin: string;
  readonly clock: Clock;
  readonly settings: { readonly history: History };
  append(event: RemoteEvent): Appended;
  appendLoss(origin: string, n: number): Appended;
  meet(origin: string): void;
  missed(origin: string, after: number): boolean;
  have(): Map<string, number>;
  haveOf(origin: string): number;
  eventsOf(origin: string, after?: number): Generator<LogEvent, void, undefined>;
  snapshot(): Generator<SnapshotPart, void, undefined>;
  adopt(part: SnapshotPart): void;
  tap(listener: (event: LogEvent) => void): () => void;
}

/** Whether a log holds any event of an origin. */
export function holdsAny(log: MeshLog, origin: string): boolean {
  return log.eventsOf(origin).next().done !== true;
}
