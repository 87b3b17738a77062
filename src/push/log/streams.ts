import { LimitExceededError } from '../../errors/index.js';
import { Channel, type ChannelHost } from './channel.js';
import { fromBase62 } from './base62.js';
import { ORIGIN_LENGTH } from './cursor.js';
import type { Entry } from './entry.js';
import type { StoredLoss } from './event.js';
import { isPattern, matches } from './names.js';
import { OriginTable } from './origin-table.js';

/** The channels of a log: one per stream that has history or followers, and one per set of patterns that is followed. */
export class Streams {
  readonly #host: ChannelHost;
  readonly #streams = new Map<string, Channel>();
  readonly #patterns = new Map<string, Channel>();
  /** Streams without events and followers, in the order in which they fell silent. */
  readonly #idle = new Set<Channel>();
  /** Channels of patterns, by the stream. */
  #routes = new Map<string, readonly Channel[]>();
  readonly #forgotten: OriginTable;
  #forgottenIndex = 0;

  constructor(host: ChannelHost) {
    this.#host = host;
    this.#forgotten = new OriginTable(host.settings.history.age, host.settings.limits.maxCursorOrigins);
  }

  get size(): number {
    return this.#streams.size;
  }

  all(): IterableIterator<Channel> {
    return this.#streams.values();
  }

  patterns(): IterableIterator<Channel> {
    return this.#patterns.values();
  }

  get(stream: string): Channel | undefined {
    return this.#streams.get(stream);
  }

  /** Whether the channel is that of one stream, not of patterns. */
  isStream(channel: Channel): boolean {
    const [name] = channel.targets;
    return name !== undefined && this.#streams.get(name) === channel;
  }

  /** The channel of a stream, made if need be. @throws LimitExceededError */
  stream(name: string): Channel {
    const found = this.#streams.get(name);
    if (found !== undefined) {
      this.#idle.delete(found);
      return found;
    }
    if (this.#streams.size >= this.#host.settings.limits.maxStreams) this.#makeRoom();
    const channel = new Channel([name], this.#host);
    channel.table.mergeGone(this.#forgotten);
    channel.evictedIndex = this.#forgottenIndex;
    this.#streams.set(name, channel);
    return channel;
  }

  /** The channel of a follower's names and patterns. @throws LimitExceededError */
  channel(targets: readonly string[]): Channel {
    const [only] = targets;
    if (only !== undefined && targets.length === 1 && !isPattern(only)) return this.stream(only);
    const key = JSON.stringify(targets);
    let channel = this.#patterns.get(key);
    if (channel === undefined) {
      const { maxPatterns } = this.#host.settings.limits;
      if (this.#patterns.size >= maxPatterns) {
        throw new LimitExceededError('maxPatterns', `${maxPatterns} sets of patterns are followed already`);
      }
      channel = this.#gather(targets);
      this.#patterns.set(key, channel);
      this.#routes = new Map();
    }
    return channel;
  }

  /** The channels of patterns that a stream belongs to. */
  spanning(stream: string): readonly Channel[] {
    if (this.#patterns.size === 0) return [];
    let route = this.#routes.get(stream);
    if (route === undefined) {
      route = [...this.#patterns.values()].filter(({ targets }) => matches(targets, stream));
      if (this.#routes.size >= this.#host.settings.limits.maxStreams) this.#routes.clear();
      this.#routes.set(stream, route);
    }
    return route;
  }

  /** A channel has lost its last follower or its last event. */
  settle(channel: Channel): void {
    if (channel.members.size > 0) return;
    const key = JSON.stringify(channel.targets);
    if (this.#patterns.get(key) === channel) {
      this.#patterns.delete(key);
      this.#routes = new Map();
      return;
    }
    const [name] = channel.targets;
    if (name === undefined || channel.ring.size > 0 || this.#streams.get(name) !== channel) return;
    if (channel.table.rows === 0) this.#streams.delete(name);
    else this.#idle.add(channel);
  }

  /** Events are gone that may have been of any stream, those that come later included. */
  lost(loss: StoredLoss): void {
    this.#forgotten.appended(loss.origin, loss.n, loss.time, true);
    this.#forgotten.evicted(loss.origin, loss.n, loss.time, true);
  }

  /** What streams and patterns have at least once been evicted from: the highest index of these items. */
  evictedIndex(targets: readonly string[]): number {
    let highest = this.#forgottenIndex;
    for (const [name, channel] of this.#streams) {
      if (channel.evictedIndex > highest && matches(targets, name)) highest = channel.evictedIndex;
    }
    return highest;
  }

  /** What is held of the streams, in the order of arrival. */
  entries(targets: readonly string[]): Entry[] {
    const entries: Entry[] = [];
    for (const [name, { ring }] of this.#streams) {
      if (!matches(targets, name)) continue;
      for (let position = ring.first; position < ring.end; position++) {
        const entry = ring.at(position);
        if (entry !== undefined) entries.push(entry);
      }
    }
    return entries.toSorted((a, b) => a.item.index - b.item.index);
  }

  #gather(targets: readonly string[]): Channel {
    const channel = new Channel(targets, this.#host);
    channel.table.mergeGone(this.#forgotten);
    for (const [name, { table }] of this.#streams) if (matches(targets, name)) channel.table.mergeGone(table);
    channel.evictedIndex = this.evictedIndex(targets);
    let last: number | undefined;
    for (const { item, cursor } of this.entries(targets)) {
      // A loss stands in every stream, but once in what spans them.
      if (item.index === last) continue;
      last = item.index;
      // A newer one of its origin is gone already, from another stream: a vector cannot tell them apart.
      if (item.n <= channel.table.floor(item.origin)) {
        channel.evictedIndex = Math.max(channel.evictedIndex, item.index);
        channel.table.appended(item.origin, item.n, item.time, item.kind === 'loss');
        continue;
      }
      channel.append(item, numberIn(cursor, this.#host.settings.origin));
    }
    return channel;
  }

  #makeRoom(): void {
    const [quietest] = this.#idle;
    const name = quietest?.targets[0];
    if (quietest === undefined || name === undefined) {
      const { maxStreams } = this.#host.settings.limits;
      throw new LimitExceededError('maxStreams', `the log has ${maxStreams} streams already, all of them in use`);
    }
    this.#idle.delete(quietest);
    this.#streams.delete(name);
    // Whoever comes back to it, or to any stream, with an older cursor is told of a gap.
    this.#forgotten.mergeGone(quietest.table);
    this.#forgottenIndex = Math.max(this.#forgottenIndex, quietest.evictedIndex);
  }
}

/** The number of one origin in a cursor that this log has made. */
function numberIn(cursor: string, origin: string): number {
  for (const entry of cursor.split('.')) {
    if (entry.startsWith(origin)) return fromBase62(entry, ORIGIN_LENGTH, entry.length);
  }
  return 0;
}
