import type { Channel } from './channel.js';
import { formatCursor, parseCursor, raise, type Vector } from './cursor.js';
import type { Cut, FrameCache } from './frame-cache.js';
import type { Gap } from './types.js';

/**
 * What a follower sees whose cursor does not fit one place in the ring: only what it lacks, under cursors joined from its
 * own vector and the ring's, until the ring has all that the vector names and nothing it names is still ahead.
 */
export class PrivateView<F> {
  readonly vector: Map<string, number>;
  readonly #channel: Channel;
  readonly #cache: FrameCache<F>;
  /** Position from which the follower lacks everything. */
  #shareFrom: number;
  /** Whether the vector names events that this pod has not had. */
  #ahead: boolean;
  /** Until when the pod may have yet to hear of what the vector names. */
  readonly #patience: number;

  constructor(channel: Channel, cache: FrameCache<F>, vector: Map<string, number>, shareFrom: number) {
    const { settings } = channel.host;
    this.vector = vector;
    this.#channel = channel;
    this.#cache = cache;
    this.#shareFrom = shareFrom;
    this.#patience = settings.clock.now() + 2 * settings.history.age;
    this.#ahead = this.#isAhead();
  }

  /** Behind what was cut. The vector itself may name more than there is room for: what was had must not come again. */
  get cursor(): string {
    return cursorText(this.#channel, this.vector);
  }

  /** Whether the follower can share frames from this position on. */
  done(position: number): boolean {
    if (this.#ahead && !this.#isAhead()) {
      this.#ahead = false;
      // What the vector named is somewhere before this end.
      this.#shareFrom = this.#channel.ring.end;
    }
    return !this.#ahead && position >= this.#shareFrom;
  }

  /**
   * The next items that the follower lacks, up to the bounds, and the position behind what was looked at.
   *
   * @param liveFrom Position before which live events are left out.
   */
  cut(
    from: number,
    maxItems: number,
    maxBytes: number,
    liveFrom: number,
  ): { readonly to: number; readonly cut: Cut<F> | undefined } {
    const { ring } = this.#channel;
    const { framer } = this.#cache;
    const frames: F[] = [];
    let bytes = 0;
    const gaps: Gap[] = [];
    let to = from;
    while (frames.length < maxItems && !this.done(to)) {
      const entry = ring.at(to);
      if (entry === undefined) break;
      const { item } = entry;
      if (item.kind === 'live') {
        if (to >= liveFrom) {
          const frame = this.#cache.own(entry, this.cursor);
          const size = framer.size(frame);
          if (frames.length > 0 && bytes + size > maxBytes) break;
          frames.push(frame);
          bytes += size;
        }
      } else if (item.n > (this.vector.get(item.origin) ?? 0)) {
        const before = new Map(this.vector);
        this.vector.set(item.origin, item.n);
        raise(this.vector, parseCursor(entry.cursor, Infinity));
        const frame = this.#cache.own(entry, this.cursor);
        const size = framer.size(frame);
        if (frames.length > 0 && bytes + size > maxBytes) {
          this.#restore(before);
          break;
        }
        frames.push(frame);
        bytes += size;
        if (item.kind === 'loss') gaps.push(this.#cache.lossOf(item));
      }
      to += 1;
    }
    if (frames.length === 0) return { to, cut: undefined };
    const payload = framer.batch(frames);
    return { to, cut: { payload, items: frames.length, bytes: framer.size(payload), from, to, gaps } };
  }

  #restore(vector: ReadonlyMap<string, number>): void {
    this.vector.clear();
    raise(this.vector, vector);
  }

  #isAhead(): boolean {
    const { host } = this.#channel;
    for (const [origin, n] of this.vector) {
      const have = host.have(origin);
      if (have >= n) continue;
      if (host.settings.clock.now() < this.#patience) return true;
      // By now what it names has come, or is too old to come; or nobody ever published it.
      if (host.knows(origin)) this.vector.set(origin, have);
      else this.vector.delete(origin);
    }
    return false;
  }
}

/** A vector as a cursor that logs accept. */
export function cursorText({ table, host }: Channel, vector: Vector): string {
  return formatCursor(table.within(vector, host.settings.origin));
}
