import type { Channel } from './channel.js';
import type { StoredEvent } from './event.js';

/** What is known of one origin on one stream. Ages are milliseconds. */
export interface SnapshotRow {
  readonly origin: string;
  /** Highest number that has left the history; 0 for none. */
  readonly floor: number;
  readonly floorAge: number;
  /** Age of the origin's last event here. */
  readonly lastAge: number;
  /** Whether cursors name it. */
  readonly listed: boolean;
}

/** One stream, without its events. */
export interface SnapshotStream {
  /** Empty for what is known of all streams that are not named. */
  readonly name: string;
  readonly rows: readonly SnapshotRow[];
}

/** An event of a snapshot. */
export interface SnapshotEvent {
  readonly origin: string;
  readonly n: number;
  readonly stream: string;
  readonly type: string;
  readonly data: string;
  readonly key: string | undefined;
  readonly age: number;
}

/** A piece of what a log holds: streams first, then events in their order, then how far the log is along each origin. */
export interface SnapshotPart {
  readonly streams: readonly SnapshotStream[];
  readonly events: readonly SnapshotEvent[];
  readonly have: readonly (readonly [origin: string, n: number])[];
  readonly last: boolean;
}

/** Bytes of text in one part, roughly. */
const PART_BYTES = 128 * 1024;
const PART_ROWS = 1_000;

/** Cuts streams and events, gathered by the log, into parts of bounded size. */
export function* partsOf(
  streams: readonly SnapshotStream[],
  events: readonly StoredEvent[],
  have: readonly (readonly [origin: string, n: number])[],
  now: number,
): Generator<SnapshotPart, void, undefined> {
  for (const some of portions(streams, ({ rows }) => (PART_BYTES / PART_ROWS) * (1 + rows.length))) {
    yield { streams: some, events: [], have: [], last: false };
  }
  for (const some of portions(events, costOf)) {
    yield { streams: [], events: some.map((event) => copyOf(event, now)), have: [], last: false };
  }
  yield { streams: [], events: [], have, last: true };
}

/** The stream of a channel, as a snapshot has it. */
export function streamOf(channel: Channel, now: number): SnapshotStream {
  const [name = ''] = channel.targets;
  const lost = lossesIn(channel);
  const rows = channel.table.snapshot(now).map((row) => {
    const through = lost.get(row.origin) ?? 0;
    // A copy has no place for the loss itself: whoever has not passed it there is told by the floor.
    return through > row.floor ? { ...row, floor: through, floorAge: Number.MAX_SAFE_INTEGER } : row;
  });
  return { name, rows };
}

function lossesIn({ ring }: Channel): Map<string, number> {
  const lost = new Map<string, number>();
  for (let position = ring.first; position < ring.end; position++) {
    const item = ring.at(position)?.item;
    if (item?.kind === 'loss') lost.set(item.origin, item.n);
  }
  return lost;
}

/** Names may take three bytes for each character, and must not make a part too long for a link. */
function costOf({ data, stream, type, key }: StoredEvent): number {
  return 256 + data.length + 3 * (stream.length + type.length + (key?.length ?? 0));
}

function copyOf({ origin, n, stream, type, data, key, time }: StoredEvent, now: number): SnapshotEvent {
  return { origin, n, stream, type, data, key, age: Math.max(0, now - time) };
}

function* portions<T>(items: readonly T[], cost: (item: T) => number): Generator<T[], void, undefined> {
  let portion: T[] = [];
  let bytes = 0;
  for (const item of items) {
    portion.push(item);
    bytes += cost(item);
    if (bytes < PART_BYTES) continue;
    yield portion;
    portion = [];
    bytes = 0;
  }
  if (portion.length > 0) yield portion;
}
