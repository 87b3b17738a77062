import type { Channel } from './channel.js';
import { raise, type Vector } from './cursor.js';
import type { Entry } from './entry.js';
import type { Missing } from './origin-table.js';
import type { Ring } from './ring.js';

/** Where and how a follower with a cursor goes on. */
export interface Resumption {
  /** Position of the first entry that it may lack. */
  readonly position: number;
  /** Position from which it lacks everything, so that it can share frames: not before the entries in its future came. */
  readonly shareFrom: number;
  /** What it has had, with the missing events counted in: they are told of once. */
  readonly vector: Map<string, number>;
  readonly missing: Missing | undefined;
}

/** Finds out what someone with this vector lacks on a channel, and what is gone. */
export function resume(channel: Channel, given: Vector): Resumption {
  const { host, table } = channel;
  const gone = table.missing(
    given,
    (origin, n) => host.timeOf(origin, n),
    (origin) => host.knows(origin),
  );
  const missing = withOmitted(gone, omitted(channel, given));
  const vector = new Map(given);
  if (missing !== undefined) {
    for (const { origin, through } of missing.ranges) {
      if (through !== undefined) raise(vector, new Map([[origin, through]]));
      else if (!host.settings.expectsOrigin(origin)) vector.delete(origin);
    }
    raise(vector, channel.base());
  }
  return { ...locate(channel, vector), vector, missing };
}

/**
 * A cursor without room for more leaves out who was quiet longest, so that nobody can tell whether it was had: what is as old
 * as the oldest that the cursor names, of origins that it does not name. By origin, through which number.
 */
function omitted({ ring, table, host }: Channel, vector: Vector): Map<string, number> {
  const through = new Map<string, number>();
  const until = table.oldestNamed(vector, (origin, n) => host.timeOf(origin, n));
  if (until === undefined) return through;
  for (let position = ring.first; position < ring.end; position++) {
    const item = ring.at(position)?.item;
    if (item === undefined || item.kind === 'live' || item.time > until || vector.has(item.origin)) continue;
    through.set(item.origin, Math.max(item.n, through.get(item.origin) ?? 0));
  }
  return through;
}

function withOmitted(missing: Missing | undefined, through: ReadonlyMap<string, number>): Missing | undefined {
  if (through.size === 0) return missing;
  const ranges = (missing?.ranges ?? []).filter(({ origin }) => !through.has(origin));
  for (const [origin, n] of through) ranges.push({ origin, after: 0, through: n });
  return { reason: missing?.reason ?? 'expired', ranges };
}

/** Walks back from the newest entry for as long as there may be one that the vector lacks. */
function locate(channel: Channel, vector: Vector): { readonly position: number; readonly shareFrom: number } {
  const { ring } = channel;
  const { oldest } = channel;
  if (oldest !== undefined && oldest.item.kind !== 'live' && channel.single) {
    const position = firstBeyond(ring, vector.get(oldest.item.origin) ?? 0);
    return { position, shareFrom: position };
  }
  const lacking = channel.table.newerThan(vector);
  let position = ring.end;
  let first = ring.end;
  let shareFrom: number | undefined;
  while (position > ring.first && lacking.size > 0) {
    const entry = ring.at(position - 1);
    if (entry === undefined) break;
    position -= 1;
    if (entry.item.kind === 'live') continue;
    const { origin, n } = entry.item;
    if (n > (vector.get(origin) ?? 0)) first = position;
    else {
      // In order by origin: older ones of this origin were had too.
      lacking.delete(origin);
      shareFrom ??= position + 1;
    }
  }
  return { position: first, shareFrom: shareFrom ?? first };
}

/** Position of the first entry with a number beyond `n`, where all are of one origin and none is live. */
function firstBeyond(ring: Ring<Entry>, n: number): number {
  let low = ring.first;
  let high = ring.end;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const item = ring.at(middle)?.item;
    if (item !== undefined && item.kind !== 'live' && item.n > n) high = middle;
    else low = middle + 1;
  }
  return low;
}
