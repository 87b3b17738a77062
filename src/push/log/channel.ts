import { raise } from './cursor.js';
import { Entry } from './entry.js';
import { notAfter, type StoredItem } from './event.js';
import { FrameCache } from './frame-cache.js';
import type { FrameStore } from './frame-store.js';
import { OriginTable } from './origin-table.js';
import { Ring } from './ring.js';
import type { LogSettings } from './settings.js';
import type { SnapshotRow } from './snapshot.js';
import type { EndReason, Framer } from './types.js';
import { warn } from './warn.js';

/** How many times its bounds a ring may hold until those who were up to date have been told. */
const BURST = 16;

/** What a channel needs of its log. */
export interface ChannelHost {
  readonly settings: LogSettings;
  readonly frames: FrameStore;
  /** Number of the newest event that this run has published, over all streams. */
  readonly selfNumber: number;
  /** Number up to which the log has had all events of an origin; 0 for an origin it does not know. */
  have(origin: string): number;
  knows(origin: string): boolean;
  /** When an event came that is still held; `undefined` for others. */
  timeOf(origin: string, n: number): number | undefined;
  /** The channel is to be flushed: followers wait for what was appended, or slices are kept. */
  dirty(channel: Channel): void;
  /** An entry has come into the ring of a stream. */
  entered(channel: Channel, entry: Entry): void;
  /** The entry of a stream has left the history. */
  evicted(channel: Channel, entry: Entry): void;
}

/** A follower as its channel sees it. */
export interface Member {
  ready(): void;
  finish(reason: EndReason): void;
}

/** One ring in the order of arrival that followers go along: that of a stream, or of several and of patterns. */
export class Channel {
  /** Names and patterns, in one order. */
  readonly targets: readonly string[];
  readonly ring: Ring<Entry> = new Ring();
  readonly table: OriginTable;
  readonly members: Set<Member> = new Set();
  /** Index of the newest item of the history that left the ring; 0 for none. */
  evictedIndex = 0;
  /** Position behind that item: whoever is there, or further on, has missed nothing but live events. */
  keptFrom = 0;
  /** Live events in the ring. */
  live = 0;
  /** Position behind the newest live event, or before it where there was none. */
  behindLive = 0;
  bytes = 0;
  /** How many of the losses that may be of any stream it knows of. */
  losses = 0;
  /** Whether the stream has ever had anything, as opposed to one that is followed before there is an event. */
  used = false;
  readonly host: ChannelHost;
  /** Origin of the newest item of the history, and the position from which on all are of it. */
  #newestOrigin: string | undefined;
  #newestSince = 0;
  #waiting = new Set<Member>();
  /** Something was appended since those who wait began to. */
  #news = false;
  /** Position of the first of that. */
  #owedFrom = Infinity;
  /** The same of those who were told at the last flush, and have had no turn of the event loop since. */
  #toldFrom = Infinity;
  #flushing = false;
  readonly #caches = new Map<Framer<unknown>, FrameCache<unknown>>();

  constructor(targets: readonly string[], host: ChannelHost) {
    this.targets = targets;
    this.host = host;
    const { history, limits } = host.settings;
    this.table = new OriginTable(history.age, limits.maxCursorOrigins);
  }

  get frames(): FrameStore {
    return this.host.frames;
  }

  /** The position of now. */
  get cursor(): string {
    return this.table.cursor(this.host.settings.origin, this.host.selfNumber);
  }

  /**
   * @param like The entry of the item in another channel, shared if the cursors are the same.
   * @param selfNumber Number of this run's newest event at the time when the item came.
   */
  append(item: StoredItem, like?: Entry, selfNumber: number = this.host.selfNumber): Entry {
    if (item.kind !== 'live') {
      this.table.appended(item.origin, item.n, item.time, item.kind === 'loss');
      if (item.origin !== this.#newestOrigin) {
        this.#newestOrigin = item.origin;
        this.#newestSince = this.ring.end;
      }
    }
    const cursor = this.table.cursor(this.host.settings.origin, selfNumber);
    const entry = like !== undefined && like.cursor === cursor ? like : new Entry(item, cursor);
    if (this.#waiting.size > 0 && !this.#news) {
      this.#news = true;
      this.#owedFrom = this.ring.end;
      this.host.dirty(this);
    }
    this.ring.push(entry);
    if (item.kind === 'live') {
      this.live += 1;
      this.behindLive = this.ring.end;
    }
    this.bytes += entry.bytes;
    this.#evictBeyond();
    return entry;
  }

  /** Keeps the ring within its bounds, but for what came so fast that those who had everything could not take it yet. */
  #evictBeyond(): void {
    const { ring } = this;
    const { events, bytes } = this.host.settings.history;
    while (ring.size > 1 && (ring.size > events || this.bytes > bytes)) {
      const owed = ring.first >= this.#owedFrom || ring.first >= this.#toldFrom;
      if (owed && ring.size <= BURST * events && this.bytes <= BURST * bytes) {
        this.host.dirty(this);
        return;
      }
      this.evictOldest();
    }
  }

  evictOldest(): void {
    const entry = this.ring.shift();
    if (entry === undefined) return;
    const { item } = entry;
    this.bytes -= entry.bytes;
    if (item.kind === 'live') this.live -= 1;
    else {
      this.evictedIndex = item.index;
      this.keptFrom = this.ring.first;
      this.table.evicted(item.origin, item.n, item.time, item.kind === 'loss');
    }
    this.host.evicted(this, entry);
  }

  /**
   * Takes over what another pod knows of events that are gone. What it has let go of goes here too, with all before it: a
   * cursor could not tell that it is here yet.
   */
  restore(rows: readonly SnapshotRow[], now: number): void {
    const { ring, table } = this;
    table.restore(rows, now);
    let keptFrom = ring.first;
    for (let position = ring.first; position < ring.end; position++) {
      const item = ring.at(position)?.item;
      if (item !== undefined && item.kind !== 'live' && item.n <= table.floor(item.origin)) keptFrom = position + 1;
    }
    while (ring.first < keptFrom) this.evictOldest();
  }

  /** Drops what the log has dropped: all items up to this one. */
  evictThrough(item: StoredItem): void {
    for (let oldest = this.oldest; oldest !== undefined && notAfter(oldest.item, item); oldest = this.oldest) {
      this.evictOldest();
    }
  }

  /** Whether all in the ring are items of one origin, and so in the order of their numbers. */
  get single(): boolean {
    return this.live === 0 && this.#newestSince <= this.ring.first;
  }

  get oldest(): Entry | undefined {
    return this.ring.at(this.ring.first);
  }

  /** Vector before the oldest entry. */
  base(): Map<string, number> {
    const { origin } = this.host.settings;
    const floors = this.table.floors();
    if (!floors.has(origin)) raise(floors, new Map([[origin, 0]]));
    return floors;
  }

  /** Position of the first entry with at least this index. */
  positionOf(index: number): number {
    let low = this.ring.first;
    let high = this.ring.end;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.ring.at(middle)?.item.index ?? 0) < index) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  join<F>(member: Member, framer: Framer<F>): FrameCache<F> {
    this.members.add(member);
    let cache = this.#caches.get(framer);
    if (cache === undefined) {
      cache = new FrameCache<unknown>(framer, this);
      this.#caches.set(framer, cache);
    }
    cache.users += 1;
    return cache as FrameCache<F>;
  }

  leave(member: Member, cache: FrameCache<unknown>): void {
    if (!this.members.delete(member)) return;
    this.#waiting.delete(member);
    cache.users -= 1;
    if (cache.users === 0) this.#caches.delete(cache.framer);
  }

  /** The member has had everything; it wants to hear of more. */
  wait(member: Member): void {
    this.#waiting.add(member);
  }

  /** A slice is kept for others at the same place, until the flush of this tick. */
  kept(): void {
    if (!this.#flushing) this.host.dirty(this);
  }

  /** Tells everyone who waits, if there is news. Who waits again meanwhile is told next time. */
  flush(): void {
    this.#toldFrom = Infinity;
    if (this.#news) {
      this.#toldFrom = this.#owedFrom;
      this.#owedFrom = Infinity;
      this.#tell();
    }
    this.#evictBeyond();
    for (const cache of this.#caches.values()) cache.clear();
  }

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    this.#news = false;
    this.#flushing = true;
    for (const member of waiting) {
      try {
        member.ready();
      } catch (error) {
        // One client's failure must neither keep the others from being served nor be hidden.
        warn(error);
        member.finish('failed');
      }
    }
    this.#flushing = false;
  }
}
