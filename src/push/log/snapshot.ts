import type { Channel } from './channel.js';
import type { LostEvents } from './checks.js';
import type { RetainedItem } from './event.js';

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

/**
 * An event of a snapshot, or with the type `gap`, which no event has, events that are lost: those of the origin up to `n`,
 * behind the number in `data`, on this stream or, where that is empty, on any.
 */
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

/** Cuts streams and items, gathered by the log, into parts of bounded size. */
export function* partsOf(
  streams: readonly SnapshotStream[],
  items: readonly RetainedItem[],
  have: readonly (readonly [origin: string, n: number])[],
  now: number,
): Generator<SnapshotPart, void, undefined> {
  for (const some of portions(streams, ({ rows }) => (PART_BYTES / PART_ROWS) * (1 + rows.length))) {
    yield { streams: some, events: [], have: [], last: false };
  }
  for (const some of portions(items, costOf)) {
    yield { streams: [], events: some.map((item) => copyOf(item, now)), have: [], last: false };
  }
  yield { streams: [], events: [], have, last: true };
}

/**
 * The stream of a channel, as a snapshot has it.
 *
 * @param first Index of the first loss that the snapshot has an item for.
 */
export function streamOf(channel: Channel, first: number, now: number): SnapshotStream {
  const [name = ''] = channel.targets;
  const past = lossesBefore(channel, first);
  const rows = channel.table.snapshot(now).map((row) => {
    const through = past.get(row.origin) ?? 0;
    return through > row.floor ? { ...row, floor: through, floorAge: Number.MAX_SAFE_INTEGER } : row;
  });
  return { name, rows };
}

/** Losses that may have been of any stream, and that a stream holds for longer than the log: how far each origin's go. */
function lossesBefore({ ring }: Channel, first: number): Map<string, number> {
  const past = new Map<string, number>();
  for (let position = ring.first; position < ring.end; position++) {
    const item = ring.at(position)?.item;
    if (item?.kind === 'loss' && item.stream === undefined && item.index < first) past.set(item.origin, item.n);
  }
  return past;
}

/** What an event of a snapshot says of events that are lost; `undefined` for one that is an event. */
export function lossOf({ type, origin, n, stream, data, age }: SnapshotEvent): LostEvents | undefined {
  if (type !== 'gap') return undefined;
  return { origin, after: Number(data), n, stream: stream === '' ? undefined : stream, age };
}

/** Names may take three bytes for each character, and must not make a part too long for a link. */
function costOf(item: RetainedItem): number {
  if (item.kind === 'loss') return 256 + 3 * (item.stream ?? '').length;
  const { data, stream, type, key } = item;
  return 256 + data.length + 3 * (stream.length + type.length + (key?.length ?? 0));
}

function copyOf(item: RetainedItem, now: number): SnapshotEvent {
  const { origin, n, time } = item;
  const age = Math.max(0, now - time);
  if (item.kind === 'loss') {
    return { origin, n, stream: item.stream ?? '', type: 'gap', data: `${item.after}`, key: undefined, age };
  }
  const { stream, type, data, key } = item;
  return { origin, n, stream, type, data, key, age };
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
