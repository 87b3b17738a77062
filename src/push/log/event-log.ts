import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { FOLLOW_CHANNEL, PUBLISH_CHANNEL, publishIfListened } from '../diagnostics/channels.js';
import { begin } from './beginning.js';
import type { Channel, ChannelHost } from './channel.js';
import {
  checkFollowOptions,
  checkForeignOrigin,
  checkNumber,
  checkPublishOptions,
  checkRemoteEvent,
  type PublishOptions,
  type RemoteEvent,
} from './checks.js';
import { Counters, type LogStats } from './counters.js';
import { parseCursor } from './cursor.js';
import type { Entry } from './entry.js';
import { InvalidCursorError, LogClosedError } from './errors.js';
import { exceeds, StoredEvent, textOf, type EventFields, type StoredLoss } from './event.js';
import { Expiry } from './expiry.js';
import { FrameStore } from './frame-store.js';
import { LogFollower, type FollowerHost } from './follower.js';
import { HistoryOrder } from './history-order.js';
import { checkEventType, checkStreamName, checkTargets, wellFormed } from './names.js';
import { Origins } from './origins.js';
import { resolveLogOptions, type EventLogOptions, type LogSettings } from './settings.js';
import { partsOf, streamOf, type SnapshotPart } from './snapshot.js';
import { Streams } from './streams.js';
import {
  subscribe,
  type EventOf,
  type ItemHandler,
  type StreamName,
  type StreamPatterns,
  type SubscribeOptions,
  type Subscription,
} from './subscription.js';
import type { DeclaredStreams, FollowOptions, Follower, LogEvent, StreamTypes } from './types.js';

export type { PublishOptions, RemoteEvent } from './checks.js';

/** What `append` did: took it, had it already, or lacks one before it. */
export type Appended = 'appended' | 'duplicate' | 'early';

/** One who follows, for lists. */
export interface SubscriberInfo {
  /** Unique in the log. */
  readonly id: number;
  /** Names and patterns. */
  readonly streams: readonly string[];
  /** `sse`, `long-poll`, `watch`, `websocket`, `grpc`, `subscription`, … */
  readonly transport: string;
  /** Who it is, as far as the transport or the authorize hook told. */
  readonly peer: string | undefined;
  /** Whole milliseconds since it came. */
  readonly connectedFor: number;
  /** Events and gaps that it is behind, at most. */
  readonly lag: number;
  /** Events and gaps that it was handed. */
  readonly delivered: number;
}

/** Type names of a stream. */
type TypeOf<Types extends DeclaredStreams<Types>, S extends StreamName<Types>> = keyof Types[S] & string;

/**
 * A bounded log of events on named streams, which any number of clients follow over any transport, each from its own place.
 *
 * Memory is that of the history: a client costs a position. Events are framed once per transport, clients are served once
 * per tick, and whoever is too slow is told what it missed.
 */
export class EventLog<Types extends DeclaredStreams<Types> = StreamTypes> {
  /** Id of this run of the log. Its events are numbered under it, and a restart has another. */
  readonly origin: string;
  readonly #settings: LogSettings;
  readonly #origins = new Origins();
  readonly #order = new HistoryOrder();
  readonly #counters = new Counters();
  readonly #frames: FrameStore;
  readonly #streams: Streams;
  readonly #followers = new Map<number, LogFollower<unknown>>();
  readonly #expiry: Expiry;
  readonly #followerHost: FollowerHost;
  readonly #keys = new Map<string, StoredEvent>();
  #dirty = new Set<Channel>();
  #scheduled = false;
  #n = 0;
  #index = 0;
  readonly #taps = new Set<(event: LogEvent) => void>();
  #nextFollower = 1;
  #closed = false;

  /** @throws InvalidArgumentError for unknown options or values out of range. */
  constructor(options: EventLogOptions = {}) {
    this.#settings = resolveLogOptions(options);
    this.origin = this.#settings.origin;
    this.#origins.add(this.origin);
    this.#frames = new FrameStore(this.#settings.limits.budgetBytes);
    this.#streams = new Streams(this.#channelHost());
    this.#followerHost = { counters: this.#counters, log: this, left: (id, channel) => this.#left(id, channel) };
    this.#expiry = new Expiry(this.#settings.clock, () => this.#expire());
  }

  /** Number of the newest item that this run has appended; 0 at first. */
  get index(): number {
    return this.#index;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** What it takes the time from. */
  get clock(): Clock {
    return this.#settings.clock;
  }

  /** Options as they are in force. */
  get settings(): LogSettings {
    return this.#settings;
  }

  /**
   * Appends an event. Followers are served in a later phase of the event loop, together with what else is published until
   * then.
   *
   * @param stream Its name: 1 to 256 characters, without control characters and `*`. Streams need not be made.
   * @param data Text is sent as it is, with halves of surrogate pairs replaced; anything else as JSON.
   * @returns The event; with a key that is known the one that was published under it.
   * @throws InvalidArgumentError for an unusable name, type, key or value; LimitExceededError for data beyond
   * `maxEventBytes`, or for a new stream when `maxStreams` others have followers; LogClosedError.
   */
  publish<S extends StreamName<Types>, Type extends TypeOf<Types, S> = 'message' & TypeOf<Types, S>>(
    stream: S,
    data: Types[S][Type],
    ...[options]: 'message' extends Type
      ? [options?: PublishOptions<Type>]
      : [options: PublishOptions<Type> & { readonly type: Type }]
  ): LogEvent<Types[S][Type], Type> {
    this.#checkOpen();
    const { type = 'message', key } = checkPublishOptions(options ?? {});
    checkStreamName(stream);
    checkEventType(type);
    const text = textOf(data, this.#settings.limits.maxEventBytes);
    if (key !== undefined) this.#evictExpired();
    const known = key === undefined ? undefined : this.#keys.get(keyOf(stream, key));
    if (known !== undefined) return known as LogEvent<Types[S][Type], Type>;
    // Before anything is counted: this may throw.
    const channel = this.#streamFor(stream);
    this.#n += 1;
    this.#counters.published += 1;
    const event = this.#take(channel, { type, data: text, origin: this.origin, n: this.#n, key }, 0);
    return event as LogEvent<Types[S][Type], Type>;
  }

  /**
   * Follows streams as a transport does, pulling frames; see {@link Follower}. Users take `subscribe` or a handler.
   *
   * @throws InvalidCursorError for a cursor that no log gave out, or one ahead of this run; InvalidArgumentError for
   * unusable names or options; LimitExceededError beyond `maxStreams` or `maxPatterns`; LogClosedError.
   */
  follow<F>(options: FollowOptions<F>): Follower<F> {
    this.#checkOpen();
    checkFollowOptions(options);
    const targets = checkTargets(options.streams);
    const { start = 'now' } = options;
    const vector = typeof start === 'object' && 'cursor' in start ? this.#vector(start.cursor) : undefined;
    this.#evictExpired();
    const channel = this.#streams.channel(targets);
    const id = this.#nextFollower++;
    const follower = new LogFollower<F>(id, channel, this.#followerHost, options, begin(channel, start, vector));
    this.#followers.set(id, follower);
    publishIfListened(FOLLOW_CHANNEL, () => ({ log: this, follower }));
    return follower;
  }

  /**
   * Follows streams in this process: `for await (const item of log.subscribe('orders'))`, or with a handler that is called
   * for one item after the other. Items are events and gaps, told apart by `kind`.
   *
   * @throws as `follow` does.
   */
  subscribe<S extends StreamName<Types>>(
    streams: S | readonly S[],
    options?: SubscribeOptions,
  ): Subscription<EventOf<Types, S>>;
  subscribe<S extends StreamName<Types>>(
    streams: S | readonly S[],
    handler: ItemHandler<EventOf<Types, S>>,
    options?: SubscribeOptions,
  ): Subscription<EventOf<Types, S>>;
  subscribe(
    patterns: StreamPatterns<Types>,
    options?: SubscribeOptions,
  ): Subscription<EventOf<Types, StreamName<Types>>>;
  subscribe(
    patterns: StreamPatterns<Types>,
    handler: ItemHandler<EventOf<Types, StreamName<Types>>>,
    options?: SubscribeOptions,
  ): Subscription<EventOf<Types, StreamName<Types>>>;
  subscribe<S extends StreamName<Types>>(
    streams: string | readonly string[],
    handlerOrOptions?: ItemHandler<EventOf<Types, S>> | SubscribeOptions,
    options?: SubscribeOptions,
  ): Subscription<EventOf<Types, S>> {
    const handler = typeof handlerOrOptions === 'function' ? handlerOrOptions : undefined;
    const given = typeof handlerOrOptions === 'function' ? options : handlerOrOptions;
    return subscribe<EventOf<Types, S>>(this, streams, handler, given ?? {});
  }

  /** The cursor behind the newest event of these streams: the position of now. @throws InvalidArgumentError */
  cursor(streams: string | readonly string[]): string {
    return this.#streams.cursor(checkTargets(streams));
  }

  /** Checks a cursor without following. @throws InvalidCursorError */
  checkCursor(cursor: string): void {
    this.#vector(cursor);
  }

  /**
   * The lowest index from which nothing of these streams has left the history: 1 at first. A plain number below it asks for
   * events that are gone.
   *
   * @throws InvalidArgumentError
   */
  oldestIndex(streams: string | readonly string[]): number {
    this.#evictExpired();
    return this.#streams.evictedIndex(checkTargets(streams)) + 1;
  }

  /** The events of these streams that are held, in the order in which they came. @throws InvalidArgumentError */
  history(streams: string | readonly string[]): LogEvent[] {
    this.#evictExpired();
    const events: LogEvent[] = [];
    for (const { item } of this.#streams.entries(checkTargets(streams), this.#order))
      if (item.kind === 'event') events.push(item);
    return events;
  }

  /** The newest event of a stream that is held; `undefined` for none. Patterns mean nothing here. */
  newest(stream: string): LogEvent | undefined {
    this.#evictExpired();
    const ring = this.#streams.get(stream)?.ring;
    if (ring === undefined) return undefined;
    for (let position = ring.end - 1; position >= ring.first; position--) {
      const item = ring.at(position)?.item;
      if (item?.kind === 'event') return item;
    }
    return undefined;
  }

  /** The names of the streams that have events in the history or followers. */
  streams(): string[] {
    const names: string[] = [];
    for (const { targets, ring, members } of this.#streams.all()) {
      if (ring.size > 0 || members.size > 0) names.push(...targets);
    }
    return names;
  }

  /** Who follows now. */
  subscribers(): SubscriberInfo[] {
    const now = this.#settings.clock.now();
    return [...this.#followers.values()].map(({ id, streams, transport, peer, since, lag, delivered }) => ({
      id,
      streams,
      transport,
      peer,
      connectedFor: Math.round(now - since),
      lag,
      delivered,
    }));
  }

  /** How many follow each stream or pattern now. Whoever follows several counts for each. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const channels of [this.#streams.all(), this.#streams.sets()]) {
      for (const { targets, members } of channels) {
        if (members.size === 0) continue;
        for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + members.size);
      }
    }
    return counts;
  }

  /** Numbers since the log was made, and what it holds now. */
  stats(): LogStats {
    return this.#counters.read({
      events: this.#order.size,
      bytes: this.#order.bytes,
      streams: this.#streams.size,
    });
  }

  /**
   * Takes over an event of another origin. Events of one origin must come in the order of their numbers: what comes early
   * is refused, so that whoever brings it can get the missing ones first.
   *
   * One that is beyond the history's age, larger than `maxEventBytes`, or of a new stream that there is no room for, counts as
   * lost: who follows its stream is told so, and the next one can come.
   *
   * @throws InvalidArgumentError for fields out of range or an event of this run; LogClosedError.
   */
  append(event: RemoteEvent): Appended {
    this.#checkOpen();
    checkRemoteEvent(event, this.origin);
    const have = this.#origins.have(event.origin);
    if (event.n <= have) return 'duplicate';
    if (event.n > have + 1) return 'early';
    this.#counters.appended += 1;
    const { origin, n, stream, type, key, age } = event;
    this.#makeRoom(stream);
    if (!this.#streams.hasRoom(stream)) {
      const loss = this.#loss(origin, n);
      this.#appendLoss(loss, [], this.#streams.lostOn(stream, loss));
      return 'appended';
    }
    const channel = this.#streams.stream(stream);
    const data = wellFormed(event.data);
    if (age >= this.#settings.history.age || exceeds(data, this.#settings.limits.maxEventBytes)) {
      this.#appendLoss(this.#loss(origin, n), [channel], this.#streams.spanning(channel));
    } else this.#take(channel, { origin, n, type, data, key }, age);
    return 'appended';
  }

  /**
   * Notes that events of another origin, from the next one that is lacking through `n`, are held by nobody any more.
   * Followers of every stream pass a `gap` there, now and when they resume across it.
   *
   * @throws InvalidArgumentError; LogClosedError.
   */
  appendLoss(origin: string, n: number): Appended {
    this.#checkOpen();
    checkForeignOrigin(origin, this.origin);
    checkNumber('n', n, 1);
    if (n <= this.#origins.have(origin)) return 'duplicate';
    const loss = this.#loss(origin, n);
    this.#appendLoss(loss, this.#streams.lost(loss), this.#streams.sets());
    return 'appended';
  }

  /**
   * What a new pod needs to serve clients of this one: the events that are held, and who has missed what. Taken at once, read
   * part by part.
   */
  snapshot(): Generator<SnapshotPart, void, undefined> {
    this.#evictExpired();
    const now = this.#settings.clock.now();
    const streams = [
      this.#streams.forgotten(now),
      ...[...this.#streams.all()].map((channel) => streamOf(channel, now)),
    ];
    const events: StoredEvent[] = [];
    for (const { item } of this.#streams.entries(['*'], this.#order)) if (item.kind === 'event') events.push(item);
    return partsOf(streams, events, [...this.#origins.vector()], now);
  }

  /**
   * Takes over a part of another log's snapshot, before this one has any event of its own.
   *
   * @throws InvalidArgumentError for a log that has published, or anything `append` refuses; LimitExceededError.
   */
  adopt(part: SnapshotPart): void {
    this.#checkOpen();
    if (this.#n > 0) throw new InvalidArgumentError('a log that has published cannot take over another');
    const now = this.#settings.clock.now();
    for (const { name, rows } of part.streams) {
      for (const { origin } of rows) checkForeignOrigin(origin, this.origin);
      if (name === '') {
        this.#streams.forget(rows, now);
        continue;
      }
      const channel = this.#streamFor(checkStreamName(name));
      channel.table.restore(rows, now);
      this.#streams.settle(channel);
    }
    for (const event of part.events) {
      checkRemoteEvent(event, this.origin);
      if (event.n <= this.#origins.have(event.origin)) continue;
      const { origin, n, stream, type, key } = event;
      const data = textOf(event.data, this.#settings.limits.maxEventBytes);
      this.#take(this.#streamFor(stream), { origin, n, type, data, key }, event.age);
    }
    for (const [origin, n] of part.have) {
      if (origin === this.origin) continue;
      checkForeignOrigin(origin, this.origin);
      checkNumber('n', n, 0);
      this.#origins.advance(origin, n);
    }
  }

  /** Makes an origin known that may not have published yet, so that cursors which name it are not taken for strange. */
  meet(origin: string): void {
    checkForeignOrigin(origin, this.origin);
    this.#origins.add(origin);
  }

  /**
   * Tells of every event as it is appended, before followers are served: for what must not wait for a turn of the event loop.
   * The listener must not throw, nor publish.
   *
   * @returns ends it.
   */
  tap(listener: (event: LogEvent) => void): () => void {
    this.#taps.add(listener);
    return () => void this.#taps.delete(listener);
  }

  /** Number up to which the log has had all events of an origin; 0 for one it does not know. */
  haveOf(origin: string): number {
    return this.#origins.have(origin);
  }

  /** Up to where the log has had all events, by origin. */
  have(): Map<string, number> {
    return this.#origins.vector();
  }

  /** The events of an origin beyond a number that are held, in order. Numbers that are left out have left the history. */
  *eventsOf(origin: string, after = 0): Generator<LogEvent, void, undefined> {
    for (const item of this.#origins.after(origin, after)) if (item.kind === 'event') yield item;
  }

  /**
   * Ends all following, in order: what is due is served first where there is room. The history stays readable; nothing can
   * be published or followed any more. Safe to call again.
   */
  close(): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#expiry.cancel();
    for (const follower of this.#followers.values()) follower.finish('closed');
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #channelHost(): ChannelHost {
    const origins = this.#origins;
    const numberNow = (): number => this.#n;
    return {
      settings: this.#settings,
      frames: this.#frames,
      get selfNumber() {
        return numberNow();
      },
      have: (origin) => origins.have(origin),
      knows: (origin) => origins.knows(origin),
      timeOf: (origin, n) => origins.held(origin, n)?.time,
      dirty: (channel) => this.#markDirty(channel),
      evicted: (channel, entry) => this.#evicted(channel, entry),
    };
  }

  /** The channel for an event that is about to be taken. @throws LimitExceededError */
  #streamFor(stream: string): Channel {
    this.#makeRoom(stream);
    return this.#streams.stream(stream);
  }

  /** Lets the oldest events go until a new stream has room, if that helps. */
  #makeRoom(stream: string): void {
    while (this.#streams.crowded(stream) && this.#order.size > 0) this.#evictOldest();
  }

  #take(channel: Channel, fields: Omit<EventFields, 'stream' | 'index' | 'time'>, age: number): StoredEvent {
    this.#index += 1;
    const [stream = ''] = channel.targets;
    const time = this.#settings.clock.now() - age;
    const { type, data, origin, n, key } = fields;
    // Field by field: spreading would be half of what publishing costs.
    const event = new StoredEvent({ stream, type, data, origin, n, index: this.#index, time, key });
    this.#origins.appended(event);
    if (event.key !== undefined) this.#keys.set(keyOf(stream, event.key), event);
    const entry = channel.append(event);
    this.#order.add(channel, entry);
    for (const set of this.#streams.spanning(channel)) set.append(event, entry);
    for (const tap of this.#taps) tap(event);
    publishIfListened(PUBLISH_CHANNEL, () => ({ log: this, event }));
    this.#trim();
    return event;
  }

  #loss(origin: string, n: number): StoredLoss {
    this.#index += 1;
    const after = this.#origins.have(origin);
    const loss: StoredLoss = { kind: 'loss', origin, after, n, index: this.#index, time: this.#settings.clock.now() };
    this.#origins.appended(loss);
    return loss;
  }

  #appendLoss(loss: StoredLoss, streams: readonly Channel[], sets: Iterable<Channel>): void {
    let like: Entry | undefined;
    for (const channel of streams) {
      this.#streams.use(channel);
      like = channel.append(loss);
      this.#order.add(channel, like);
    }
    for (const channel of sets) channel.append(loss, like);
    this.#trim();
  }

  #trim(): void {
    while (this.#order.bytes > this.#settings.limits.budgetBytes && this.#order.size > 1) this.#evictOldest();
    this.#evictExpired();
    this.#arm();
  }

  #expire(): void {
    this.#evictExpired();
    this.#arm();
  }

  #arm(): void {
    const { oldest } = this.#order;
    if (!this.#closed)
      this.#expiry.arm(oldest === undefined ? undefined : oldest.item.time + this.#settings.history.age);
  }

  #evictExpired(): void {
    const before = this.#settings.clock.now() - this.#settings.history.age;
    for (let { oldest } = this.#order; oldest !== undefined && oldest.item.time <= before; { oldest } = this.#order) {
      this.#evictOldest();
    }
  }

  #evictOldest(): void {
    const { oldest } = this.#order;
    const stream = oldest?.home;
    if (oldest === undefined || stream === undefined) return;
    const { index, kind } = oldest.item;
    // Sets hold nothing that their streams do not.
    const sets = kind === 'loss' ? this.#streams.sets() : [...this.#streams.spanning(stream)];
    for (const set of sets) set.evictThrough(index);
    stream.evictOldest();
  }

  #evicted(channel: Channel, entry: Entry): void {
    const { item, home } = entry;
    if (home !== channel) {
      // What a set has borrowed stays for its stream.
      if (home === undefined) this.#frames.drop(entry);
      return;
    }
    this.#order.remove(entry);
    this.#frames.drop(entry);
    this.#origins.evicted(item);
    if (item.kind === 'event' && item.key !== undefined) {
      const key = keyOf(item.stream, item.key);
      // Another origin may have published under it since.
      if (this.#keys.get(key) === item) this.#keys.delete(key);
    }
    if (channel.ring.size === 0) this.#streams.settle(channel);
  }

  #left(id: number, channel: Channel): void {
    this.#followers.delete(id);
    this.#streams.settle(channel);
  }

  #markDirty(channel: Channel): void {
    this.#dirty.add(channel);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#settings.schedule(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    for (const channel of dirty) channel.flush();
  }

  #vector(cursor: string): Map<string, number> {
    const vector = parseCursor(cursor, this.#settings.limits.maxCursorOrigins);
    if ((vector.get(this.origin) ?? 0) > this.#n) throw new InvalidCursorError('the cursor is ahead of the log');
    return vector;
  }

  #checkOpen(): void {
    if (this.#closed) throw new LogClosedError('the log was closed');
  }
}

function keyOf(stream: string, key: string): string {
  return `${stream}\n${key}`;
}
