import { LimitExceededError } from '../../errors/index.js';
import { fromBase62 } from './base62.js';
import { Channel, type ChannelHost } from './channel.js';
import { ORIGIN_LENGTH } from './cursor.js';
import type { Entry } from './entry.js';
import type { RetainedItem, StoredLoss } from './event.js';
import type { HistoryOrder } from './history-order.js';
import { isPattern, matcher } from './names.js';
import { newestOf } from './newest.js';
import { OriginTable } from './origin-table.js';
import { Routes } from './routes.js';
import type { SnapshotRow, SnapshotStream } from './snapshot.js';

/** The channels of a log: one per stream that has history or followers, and one per set of several that is followed. */
export class Streams {
  readonly #host: ChannelHost;
  readonly #streams = new Map<string, Channel>();
  readonly #sets = new Map<string, Channel>();
  readonly #routes = new Routes();
  /** Streams that have had events, but have none now and no followers, in the order in which they fell silent. */
  readonly #idle = new Set<Channel>();
  /** Streams that have had events. */
  #used = 0;
  /** What is known of the streams that were forgotten. */
  readonly #forgotten: OriginTable;
  #forgottenIndex = 0;
  /**
   * Losses that may be of any stream. A stream that is followed gets an entry of each at once, others when they are next
   * looked at: there may be many, and nobody to be told.
   */
  readonly #losses: Channel;
  /** Those that have left the history. */
  readonly #pastLosses: OriginTable;
  #pastLossIndex = 0;

  constructor(host: ChannelHost) {
    this.#host = host;
    this.#forgotten = this.#newTable();
    this.#losses = new Channel([], host);
    this.#pastLosses = this.#newTable();
  }

  get size(): number {
    return this.#streams.size;
  }

  all(): IterableIterator<Channel> {
    return this.#streams.values();
  }

  sets(): IterableIterator<Channel> {
    return this.#sets.values();
  }

  get(stream: string): Channel | undefined {
    return this.#streams.get(stream);
  }

  /** The sets that a stream belongs to. */
  spanning(stream: Channel): ReadonlySet<Channel> {
    return this.#routes.of(stream);
  }

  /** Whether an event of this stream finds room only once another stream has lost all its events. */
  crowded(name: string): boolean {
    if (this.hasRoom(name)) return false;
    for (const { used, members } of this.#streams.values()) if (used && members.size === 0) return true;
    return false;
  }

  /** Whether `stream` finds room for an event of this stream. */
  hasRoom(name: string): boolean {
    if (this.#idle.size > 0 || this.#used < this.#host.settings.limits.maxStreams) return true;
    return this.#streams.get(name)?.used === true;
  }

  /** The channel of a stream that an event is about to come to, made if need be. @throws LimitExceededError */
  stream(name: string): Channel {
    let channel = this.#streams.get(name);
    if (channel?.used !== true && this.#used >= this.#host.settings.limits.maxStreams) this.#makeRoom();
    channel ??= this.#make(name);
    this.#use(channel);
    this.#catchUp(channel);
    return channel;
  }

  /** Notes that something is about to come to a stream. */
  #use(channel: Channel): void {
    this.#idle.delete(channel);
    if (channel.used) return;
    channel.used = true;
    this.#used += 1;
  }

  /** The channel of a follower's names and patterns. @throws LimitExceededError */
  channel(targets: readonly string[]): Channel {
    const found = this.#find(targets);
    if (found !== undefined) {
      this.#idle.delete(found);
      this.#catchUp(found);
      return found;
    }
    const [only = ''] = targets;
    const { maxStreams, maxPatterns } = this.#host.settings.limits;
    if (targets.length === 1 && !isPattern(only)) {
      // Streams without events are counted apart, so that clients cannot keep those with events from coming to be.
      if (this.#streams.size - this.#used >= maxStreams)
        throw full('maxStreams', `${maxStreams} streams without events`);
      return this.#make(only);
    }
    if (!targets.some(isPattern)) {
      const sets = this.#sets.size - this.#routes.wild;
      if (sets >= maxStreams) throw full('maxStreams', `${maxStreams} sets of streams`);
    } else if (this.#routes.wild >= maxPatterns) throw full('maxPatterns', `${maxPatterns} sets of patterns`);
    return this.#gather(targets);
  }

  /** A channel has lost its last follower or its last event. */
  settle(channel: Channel): void {
    if (channel.members.size > 0) return;
    const [name = ''] = channel.targets;
    if (this.#streams.get(name) === channel) {
      if (!channel.used) this.#remove(name, channel);
      else if (channel.ring.size === 0) this.#idle.add(channel);
      return;
    }
    const key = JSON.stringify(channel.targets);
    if (this.#sets.get(key) !== channel) return;
    this.#sets.delete(key);
    const wild = channel.targets.some(isPattern);
    this.#routes.removeSet(channel, wild ? this.#streams.values() : this.matching(channel.targets));
  }

  /** Events are gone that may have been of any stream, those that come later included. */
  lost(loss: StoredLoss): void {
    this.#passUnknown(loss);
    this.#host.entered(this.#losses, this.#losses.append(loss));
    for (const channel of this.#streams.values()) if (channel.members.size > 0) this.#catchUp(channel);
    for (const set of this.#sets.values()) {
      set.append(loss);
      set.losses = this.#losses.ring.end;
    }
  }

  /** A loss has left the history. */
  lostEvicted(channel: Channel, loss: StoredLoss): void {
    if (channel !== this.#losses) return;
    pass(this.#pastLosses, loss);
    this.#pastLossIndex = loss.index;
  }

  /** Losses that may be of any stream, oldest first. */
  losses(): StoredLoss[] {
    const losses: StoredLoss[] = [];
    const { ring } = this.#losses;
    for (let position = ring.first; position < ring.end; position++) {
      const item = ring.at(position)?.item;
      if (item?.kind === 'loss') losses.push(item);
    }
    return losses;
  }

  /** Has a stream know of the losses that have left the history. */
  catchUpPast(channel: Channel): void {
    const { first } = this.#losses.ring;
    if (channel.losses >= first) return;
    channel.losses = first;
    channel.table.mergeGone(this.#pastLosses);
    channel.evictedIndex = Math.max(channel.evictedIndex, this.#pastLossIndex);
  }

  /**
   * Has a stream know of all losses. What has followers or history gets an entry of each; for the rest it is enough to know
   * that something is gone.
   */
  #catchUp(channel: Channel): void {
    const { ring } = this.#losses;
    if (channel.losses === ring.end) return;
    this.catchUpPast(channel);
    for (; channel.losses < ring.end; channel.losses++) {
      const item = ring.at(channel.losses)?.item;
      if (item?.kind !== 'loss' || channel.table.floor(item.origin) >= item.n) continue;
      if (channel.ring.size === 0 && channel.members.size === 0) {
        this.#pass(channel, item);
        continue;
      }
      this.#use(channel);
      this.#host.entered(channel, channel.append(item));
    }
  }

  /**
   * Events are gone of a stream that the log has no room for.
   *
   * @returns Those who follow it: its channel, if it is followed by its name, and the sets that it belongs to.
   */
  lostOn(name: string, loss: StoredLoss): Channel[] {
    this.#passUnknown(loss);
    return this.hearing(name);
  }

  /** The channel of a stream, if there is one, and the sets that it belongs to or would. */
  hearing(name: string): Channel[] {
    const channel = this.#streams.get(name);
    return channel === undefined ? [...this.#routes.named(name)] : [channel, ...this.#routes.of(channel)];
  }

  /** Somebody who gave out cursors lacked events of an origin after a number. @returns whether that changes anything. */
  missed(origin: string, after: number, now: number): boolean {
    let news = this.#forgotten.missed(origin, after, now);
    for (const channel of this.#streams.values()) this.#catchUp(channel);
    for (const channels of [this.#streams, this.#sets]) {
      for (const { table } of channels.values()) if (table.missed(origin, after, now)) news = true;
    }
    return news;
  }

  /** What is known of all streams that the log has no channel for. */
  forgotten(now: number): SnapshotStream {
    return { name: '', rows: this.#forgotten.snapshot(now) };
  }

  /**
   * Takes over what another log knows of streams that it has no channel for: once those that it has are there.
   *
   * @param others Names of these.
   */
  forget(rows: readonly SnapshotRow[], others: ReadonlySet<string>, now: number): void {
    this.#forgotten.restore(rows, now);
    for (const [name, channel] of this.#streams) if (!others.has(name)) channel.restore(rows, now);
    for (const channel of this.#sets.values()) channel.restore(rows, now);
  }

  /** Highest index of an item of these names and patterns that has left the history; 0 for none. */
  evictedIndex(targets: readonly string[]): number {
    const known = targets.every((target) => this.#streams.has(target));
    let highest = known ? 0 : this.#forgottenIndex;
    for (const channel of this.matching(targets)) {
      if (known) this.#catchUp(channel);
      highest = Math.max(highest, channel.evictedIndex);
    }
    return highest;
  }

  /** The cursor of now, found without making a channel. */
  cursor(targets: readonly string[]): string {
    const found = this.#find(targets);
    if (found !== undefined) {
      this.#catchUp(found);
      return found.cursor;
    }
    const table = this.#newTable();
    table.mergeGone(this.#forgotten);
    for (const channel of this.matching(targets)) table.mergeLast(channel.table);
    return table.cursor(this.#host.settings.origin, this.#host.selfNumber);
  }

  /** What is held of the streams, oldest first. */
  entries(targets: readonly string[], order: HistoryOrder): Entry[] {
    const channels = this.matching(targets);
    let held = 0;
    for (const { ring } of channels) held += ring.size;
    // For a good part of everything, going through everything costs less than sorting.
    if (channels.length > 1 && 8 * held > order.size) return order.of(new Set(channels));
    const entries: Entry[] = [];
    for (const { ring } of channels) {
      for (let position = ring.first; position < ring.end; position++) {
        const entry = ring.at(position);
        if (entry !== undefined && entry.item.kind !== 'live') entries.push(entry);
      }
    }
    return channels.length === 1 ? entries : entries.toSorted((a, b) => a.item.index - b.item.index);
  }

  /** The channels of the streams that are meant. Names are looked up; only patterns have all names compared. */
  matching(targets: readonly string[]): Channel[] {
    const channels: Channel[] = [];
    if (targets.some(isPattern)) {
      const means = matcher(targets);
      for (const [name, channel] of this.#streams) if (means(name)) channels.push(channel);
      return channels;
    }
    for (const target of targets) {
      const channel = this.#streams.get(target);
      if (channel !== undefined) channels.push(channel);
    }
    return channels;
  }

  #find(targets: readonly string[]): Channel | undefined {
    const [only = ''] = targets;
    if (targets.length === 1 && !isPattern(only)) return this.#streams.get(only);
    return this.#sets.get(JSON.stringify(targets));
  }

  #make(name: string): Channel {
    const channel = new Channel([name], this.#host);
    channel.losses = this.#losses.ring.end;
    channel.table.mergeGone(this.#forgotten);
    channel.evictedIndex = this.#forgottenIndex;
    this.#streams.set(name, channel);
    this.#routes.addStream(channel);
    return channel;
  }

  /** The channel of a set that nobody has followed so far, with the newest of what its streams hold. */
  #gather(targets: readonly string[]): Channel {
    const { origin, history } = this.#host.settings;
    const channel = new Channel(targets, this.#host);
    channel.losses = this.#losses.ring.end;
    const streams = this.matching(targets);
    // First of all: what comes to a stream may have something leave it.
    const evictedIndex = this.evictedIndex(targets);
    channel.table.mergeGone(this.#forgotten);
    for (const { table } of streams) channel.table.mergeGone(table);
    channel.evictedIndex = evictedIndex;
    const rings = streams.map(({ ring }) => ring);
    const { entries, from } = newestOf(rings, history.events);
    const older = streams.flatMap((stream, at) => newestByOrigin(stream, from[at] ?? 0));
    for (const item of older.toSorted((a, b) => a.index - b.index)) this.#pass(channel, item);
    for (const entry of entries) {
      const { item, cursor } = entry;
      if (item.kind === 'live') continue;
      // A newer one of its origin is gone already, from another stream: a vector cannot tell them apart.
      if (item.n <= channel.table.floor(item.origin)) this.#pass(channel, item);
      else channel.append(item, entry, numberIn(cursor, origin));
    }
    this.#sets.set(JSON.stringify(targets), channel);
    this.#routes.addSet(channel, streams);
    return channel;
  }

  /** An item counts as gone for a channel without having been in it. */
  #pass(channel: Channel, item: RetainedItem): void {
    pass(channel.table, item);
    channel.evictedIndex = Math.max(channel.evictedIndex, item.index);
  }

  /** An item is gone that may have been of any stream that the log has no channel for. */
  #passUnknown(item: RetainedItem): void {
    pass(this.#forgotten, item);
    this.#forgottenIndex = Math.max(this.#forgottenIndex, item.index);
  }

  #makeRoom(): void {
    const [quietest] = this.#idle;
    if (quietest === undefined) throw full('maxStreams', `${this.#used} streams`);
    this.#idle.delete(quietest);
    this.#remove(quietest.targets[0] ?? '', quietest);
    this.#used -= 1;
    // Whoever comes back to it, or to any stream, with an older cursor is told of a gap.
    this.#forgotten.mergeGone(quietest.table);
    this.#forgottenIndex = Math.max(this.#forgottenIndex, quietest.evictedIndex);
  }

  #remove(name: string, channel: Channel): void {
    this.#streams.delete(name);
    this.#routes.removeStream(channel);
  }

  #newTable(): OriginTable {
    const { history, limits } = this.#host.settings;
    return new OriginTable(history.age, limits.maxCursorOrigins);
  }
}

function full(limit: 'maxStreams' | 'maxPatterns', what: string): LimitExceededError {
  return new LimitExceededError(limit, `the log has ${what} already, all of them in use`);
}

function pass(table: OriginTable, { kind, origin, n, time }: RetainedItem): void {
  table.appended(origin, n, time, kind === 'loss');
  table.evicted(origin, n, time, kind === 'loss');
}

/** Below a position of a stream's ring, the newest item of each origin. */
function newestByOrigin({ ring, table }: Channel, before: number): RetainedItem[] {
  const items: RetainedItem[] = [];
  if (before <= ring.first) return items;
  const origins = table.held();
  for (let position = before - 1; position >= ring.first && origins.size > 0; position--) {
    const item = ring.at(position)?.item;
    if (item !== undefined && item.kind !== 'live' && origins.delete(item.origin)) items.push(item);
  }
  return items;
}

/** The number of one origin in a cursor that this log has made. */
function numberIn(cursor: string, origin: string): number {
  for (const entry of cursor.split('.')) {
    if (entry.startsWith(origin)) return fromBase62(entry, ORIGIN_LENGTH, entry.length);
  }
  return 0;
}
