import type { Entry } from './entry.js';
import type { StoredLoss } from './event.js';
import type { FrameStore } from './frame-store.js';
import type { Ring } from './ring.js';
import type { Framer, Gap, Slice } from './types.js';

/** Slices that are kept for others who are at the same place. */
const MAX_SLICES = 4;

/** A slice with the positions that it covers. */
export interface Cut<F> extends Slice<F> {
  readonly from: number;
  readonly to: number;
  /** Losses in it. */
  readonly gaps: readonly Gap[];
}

interface Kept<F> {
  readonly cut: Cut<F>;
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly liveFrom: number;
  /** Where the ring ended. A cut that reached it is short for that reason only. */
  readonly end: number;
}

/** What a cache needs of its channel. */
export interface FrameCacheHost {
  readonly targets: readonly string[];
  readonly ring: Ring<Entry>;
  readonly frames: FrameStore;
  /** A slice is kept now: `clear` is to be called before long. */
  kept(): void;
}

/** What the followers of one channel are handed in one form. Those at the same place share one slice within a tick. */
export class FrameCache<F> {
  readonly framer: Framer<F>;
  /** Followers that use it. */
  users: number = 0;
  readonly #host: FrameCacheHost;
  #kept: Kept<F>[] = [];

  constructor(framer: Framer<F>, host: FrameCacheHost) {
    this.framer = framer;
    this.#host = host;
  }

  /**
   * The shared items from a position on, up to the bounds; at least one.
   *
   * @param from A position in the ring, not that of a live event before `liveFrom`.
   * @param liveFrom Position before which live events are left out.
   */
  cut(from: number, maxItems: number, maxBytes: number, liveFrom = 0): Cut<F> {
    const { end } = this.#host.ring;
    for (const kept of this.#kept) {
      if (kept.cut.from !== from || kept.maxItems !== maxItems || kept.maxBytes !== maxBytes) continue;
      if (kept.liveFrom !== liveFrom) continue;
      if (kept.end === end || kept.cut.to < kept.end) return kept.cut;
    }
    const cut = this.#make(from, end, maxItems, maxBytes, liveFrom);
    if (this.#kept.length === MAX_SLICES) this.#kept.shift();
    this.#kept.push({ cut, maxItems, maxBytes, liveFrom, end });
    this.#host.kept();
    return cut;
  }

  /** One item with a cursor of its own. */
  own({ item }: Entry, cursor: string): F {
    if (item.kind === 'loss') return this.framer.gap(this.lossOf(item), cursor);
    return this.framer.event(item.kind === 'live' ? item.event : item, cursor);
  }

  /** Lets go of slices. */
  clear(): void {
    if (this.#kept.length > 0) this.#kept = [];
  }

  #make(from: number, end: number, maxItems: number, maxBytes: number, liveFrom: number): Cut<F> {
    const frames: F[] = [];
    let bytes = 0;
    const gaps: Gap[] = [];
    let to = from;
    for (; to < end && frames.length < maxItems; to++) {
      const entry = this.#host.ring.at(to);
      if (entry === undefined) break;
      if (to < liveFrom && entry.item.kind === 'live') continue;
      const frame = this.#frame(entry);
      const size = this.framer.size(frame);
      if (frames.length > 0 && bytes + size > maxBytes) break;
      frames.push(frame);
      bytes += size;
      if (entry.item.kind === 'loss') gaps.push(this.lossOf(entry.item));
    }
    const payload = this.framer.batch(frames);
    return { payload, items: frames.length, bytes: this.framer.size(payload), from, to, gaps };
  }

  #frame(entry: Entry): F {
    return entry.item.kind === 'loss' ? this.own(entry, entry.cursor) : this.#host.frames.frame(entry, this.framer);
  }

  /** What followers of this channel are told of a loss. */
  lossOf({ origin, after, n }: StoredLoss): Gap {
    return { kind: 'gap', reason: 'lost', streams: this.#host.targets, missing: [{ origin, after, through: n }] };
  }
}
