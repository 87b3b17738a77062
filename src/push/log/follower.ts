import { END_CHANNEL, GAP_CHANNEL, publishIfListened, type DiagnosticsLog } from '../diagnostics/channels.js';
import type { Beginning } from './beginning.js';
import type { Channel, Member } from './channel.js';
import type { Counters, TransportCounts } from './counters.js';
import { parseCursor, type Vector } from './cursor.js';
import type { Cut, FrameCache } from './frame-cache.js';
import { cursorText, PrivateView } from './private-view.js';
import { resume } from './resume.js';
import type { EndReason, FollowOptions, Follower, Framer, Gap, GapReason, MissingRange, Slice } from './types.js';
import { warn } from './warn.js';

/** What a follower needs of its log. */
export interface FollowerHost {
  readonly counters: Counters;
  readonly log: DiagnosticsLog;
  /** Follower `id` has left the channel. */
  left(id: number, channel: Channel): void;
}

interface PendingGap {
  readonly reason: GapReason;
  readonly missing: readonly MissingRange[];
  /** Behind the gap. */
  readonly cursor: string;
  /** What the client had before it; `undefined` when it asked by index. */
  readonly before: Vector | undefined;
}

/** One client: a position in a channel. While its own vector differs from the channel's, what it is sent is made for it. */
export class LogFollower<F> implements Follower<F>, Member {
  // What a delivery touches comes first: with thousands of clients most of its cost is fetching that from memory.
  ended: EndReason | undefined;
  delivered = 0;
  #waiting = false;
  #finishing = false;
  #position: number;
  readonly #channel: Channel;
  readonly #cache: FrameCache<F>;
  readonly #counts: TransportCounts;
  readonly #listener: Pick<FollowOptions<F>, 'onReady' | 'onEnd'>;
  /** Behind what was pulled, unless a private view knows better. */
  #cursor: string;
  #private: PrivateView<F> | undefined;
  #gap: PendingGap | undefined;
  #skipBelow: number;
  /** Position before which live events are others': they were handed out before this one followed. */
  #liveFrom: number;
  readonly id: number;
  readonly transport: string;
  readonly peer: string | undefined;
  readonly since: number;
  readonly #host: FollowerHost;
  readonly #framer: Framer<F>;
  readonly #drop: boolean;
  #dropped = false;

  constructor(id: number, channel: Channel, host: FollowerHost, options: FollowOptions<F>, beginning: Beginning) {
    this.id = id;
    this.transport = options.transport;
    this.peer = options.peer;
    this.since = channel.host.settings.clock.now();
    this.#channel = channel;
    this.#host = host;
    this.#framer = options.framer;
    this.#listener = options;
    this.#drop = options.whenOvertaken === 'drop';
    this.#position = 0;
    this.#cursor = beginning.cursor;
    this.#skipBelow = 0;
    this.#liveFrom = channel.live > 0 ? channel.behindLive : 0;
    this.#cache = channel.join(this, options.framer);
    this.#counts = host.counters.joined(this.transport);
    if ('vector' in beginning) {
      this.#resume(beginning.vector, undefined);
      return;
    }
    this.#position = beginning.position;
    this.#skipBelow = beginning.skipBelow ?? 0;
    if (beginning.gap === true)
      this.#gap = { reason: 'expired', missing: [], cursor: beginning.cursor, before: undefined };
  }

  get streams(): readonly string[] {
    return this.#channel.targets;
  }

  get cursor(): string {
    if (this.#gap !== undefined) return this.#cursor;
    if (this.#private !== undefined) return this.#private.cursor;
    if (this.#position === this.#channel.ring.end) return this.#channel.cursor;
    return this.#cursor;
  }

  get lag(): number {
    const { ring } = this.#channel;
    return ring.end - Math.max(this.#position, ring.first) + (this.#gap === undefined ? 0 : 1);
  }

  pull(limit?: { readonly items?: number; readonly bytes?: number }): Slice<F> | undefined {
    if (this.ended !== undefined || (this.#finishing && this.#dropped)) return undefined;
    const maxItems = Math.max(1, limit?.items ?? Infinity);
    const maxBytes = limit?.bytes ?? Infinity;
    const { ring } = this.#channel;
    if (this.#position < ring.first && !this.#overtaken()) return undefined;
    if (this.#gap !== undefined) return this.#tell(this.#gap);
    if (this.#skipBelow > 0) this.#skip();
    if (this.#private !== undefined) {
      const { to, cut } = this.#private.cut(this.#position, maxItems, maxBytes, this.#liveFrom);
      this.#position = to;
      if (this.#private.done(to)) {
        this.#cursor = this.#private.cursor;
        this.#private = undefined;
      }
      if (cut !== undefined) return this.#count(cut);
    }
    if (this.#liveFrom > 0) this.#passLive();
    if (this.#private !== undefined || this.#position >= ring.end) return this.#wait();
    const cut = this.#cache.cut(this.#position, maxItems, maxBytes, this.#liveFrom);
    this.#position = cut.to;
    this.#cursor = ring.at(cut.to - 1)?.cursor ?? this.#cursor;
    return this.#count(cut);
  }

  end(reason: EndReason = 'left'): void {
    if (this.ended !== undefined) return;
    this.ended = reason;
    this.#channel.leave(this, this.#cache);
    this.#private = undefined;
    this.#gap = undefined;
    this.#counts.left(reason);
    this.#host.left(this.id, this.#channel);
    const { delivered } = this;
    publishIfListened(END_CHANNEL, () => ({ log: this.#host.log, follower: this, reason, delivered }));
  }

  finish(reason: EndReason): void {
    if (this.ended !== undefined || this.#finishing) return;
    this.#finishing = true;
    this.#dropped = reason !== 'closed';
    try {
      this.#listener.onEnd?.(reason);
    } catch (error) {
      // The others are to be told too.
      warn(error);
    }
    this.end(reason);
  }

  ready(): void {
    this.#waiting = false;
    if (this.ended === undefined) this.#listener.onReady();
  }

  #wait(): undefined {
    if (!this.#waiting) {
      this.#waiting = true;
      this.#channel.wait(this);
    }
    return undefined;
  }

  #count(cut: Cut<F>): Slice<F> {
    this.delivered += cut.items;
    this.#counts.delivered(cut.items, cut.bytes);
    for (const gap of cut.gaps) this.#noteGap(gap);
    return cut;
  }

  /** The ring has gone on without the client. @returns whether it is still followed. */
  #overtaken(): boolean {
    const { ring, keptFrom } = this.#channel;
    if (this.#position >= keptFrom) {
      this.#host.counters.liveMissed += Math.max(0, ring.first - Math.max(this.#position, this.#liveFrom));
      this.#position = ring.first;
      return true;
    }
    if (this.#drop) {
      this.finish('overtaken');
      return false;
    }
    const told = this.#gap;
    if (told !== undefined && told.before === undefined) this.#position = ring.first;
    else {
      const had = told?.before ?? this.#private?.vector ?? parseCursor(this.#cursor, Infinity);
      this.#private = undefined;
      this.#gap = undefined;
      this.#resume(had, told?.reason ?? 'overtaken');
    }
    return true;
  }

  #resume(vector: Vector, reason: GapReason | undefined): void {
    const found = resume(this.#channel, vector);
    // Whoever was overtaken is given the live events that are there yet.
    const overtaken = reason !== undefined && this.#channel.live > 0;
    this.#position = overtaken ? this.#channel.ring.first : found.position;
    const view = new PrivateView<F>(this.#channel, this.#cache, found.vector, found.shareFrom);
    if (!view.done(this.#position)) this.#private = view;
    const { missing } = found;
    if (missing === undefined) return;
    const cursor = cursorText(this.#channel, found.vector);
    this.#gap = { reason: reason ?? missing.reason, missing: missing.ranges, cursor, before: vector };
  }

  #tell({ reason, missing, cursor }: PendingGap): Slice<F> {
    this.#gap = undefined;
    this.#cursor = cursor;
    const gap: Gap = { kind: 'gap', reason, streams: this.#channel.targets, missing };
    const payload = this.#framer.batch([this.#framer.gap(gap, cursor)]);
    const bytes = this.#framer.size(payload);
    this.delivered += 1;
    this.#counts.delivered(1, bytes);
    this.#noteGap(gap);
    return { payload, items: 1, bytes };
  }

  #noteGap(gap: Gap): void {
    this.#host.counters.gap(gap.reason);
    publishIfListened(GAP_CHANNEL, () => ({ log: this.#host.log, follower: this, gap }));
  }

  /** Goes over live events of the time before. */
  #passLive(): void {
    const { ring } = this.#channel;
    while (this.#position < this.#liveFrom && ring.at(this.#position)?.item.kind === 'live') this.#position += 1;
    if (this.#position >= this.#liveFrom) this.#liveFrom = 0;
  }

  #skip(): void {
    const { ring } = this.#channel;
    for (let entry = ring.at(this.#position); entry !== undefined; entry = ring.at(this.#position)) {
      const { index, kind } = entry.item;
      // A live event is followed by what has a higher index than its own.
      if (index + (kind === 'live' ? 1 : 0) >= this.#skipBelow) {
        this.#skipBelow = 0;
        return;
      }
      this.#position += 1;
      this.#cursor = entry.cursor;
    }
  }
}
