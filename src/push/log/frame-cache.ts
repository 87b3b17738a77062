import type { Entry } from './entry.js';
import type { StoredLoss } from './event.js';
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
  /** Where the ring ended. A cut that reached it is short for that reason only. */
  readonly end: number;
}

/** The frames of one channel in one form: each made once, when the first follower wants it. */
export class FrameCache<F> {
  readonly framer: Framer<F>;
  /** Followers that use it. */
  users: number = 0;
  readonly #ring: Ring<Entry>;
  readonly #streams: readonly string[];
  readonly #frames = new Map<number, F>();
  #kept: Kept<F>[] = [];

  constructor(framer: Framer<F>, ring: Ring<Entry>, streams: readonly string[]) {
    this.framer = framer;
    this.#ring = ring;
    this.#streams = streams;
  }

  /** The shared items from a position on, up to the bounds; at least one. The position must be in the ring. */
  cut(from: number, maxItems: number, maxBytes: number): Cut<F> {
    const end = this.#ring.end;
    for (const kept of this.#kept) {
      if (kept.cut.from !== from || kept.maxItems !== maxItems || kept.maxBytes !== maxBytes) continue;
      if (kept.end === end || kept.cut.to < kept.end) return kept.cut;
    }
    const cut = this.#make(from, end, maxItems, maxBytes);
    if (this.#kept.length === MAX_SLICES) this.#kept.shift();
    this.#kept.push({ cut, maxItems, maxBytes, end });
    return cut;
  }

  /** One item with a cursor of its own. */
  own(entry: Entry, cursor: string): F {
    return this.#render(entry, cursor);
  }

  /** The entry at a position has left the ring. */
  drop(position: number): void {
    this.#frames.delete(position);
  }

  /** Lets go of slices; frames stay. */
  clear(): void {
    if (this.#kept.length > 0) this.#kept = [];
  }

  #make(from: number, end: number, maxItems: number, maxBytes: number): Cut<F> {
    const frames: F[] = [];
    let bytes = 0;
    const gaps: Gap[] = [];
    let to = from;
    while (to < end && frames.length < maxItems) {
      const entry = this.#ring.at(to);
      if (entry === undefined) break;
      const frame = this.#frame(to, entry);
      const size = this.framer.size(frame);
      if (frames.length > 0 && bytes + size > maxBytes) break;
      frames.push(frame);
      bytes += size;
      if (entry.item.kind === 'loss') gaps.push(this.lossOf(entry.item));
      to += 1;
    }
    const payload = this.framer.batch(frames);
    return { payload, items: frames.length, bytes: this.framer.size(payload), from, to, gaps };
  }

  #frame(position: number, entry: Entry): F {
    let frame = this.#frames.get(position);
    if (frame === undefined) {
      frame = this.#render(entry, entry.cursor);
      this.#frames.set(position, frame);
    }
    return frame;
  }

  #render({ item }: Entry, cursor: string): F {
    if (item.kind === 'event') return this.framer.event(item, cursor);
    return this.framer.gap(this.lossOf(item), cursor);
  }

  /** What followers of this channel are told of a loss. */
  lossOf({ origin, after, n }: StoredLoss): Gap {
    return { kind: 'gap', reason: 'lost', streams: this.#streams, missing: [{ origin, after, through: n }] };
  }
}
