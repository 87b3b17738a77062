import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError, LimitExceededError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { FOLLOW_CHANNEL, PUBLISH_CHANNEL, publishIfListened } from '../diagnostics/channels.js';
import type { Channel, ChannelHost } from './channel.js';
import { Counters, type LogStats } from './counters.js';
import { formatCursor, isOrigin, parseCursor } from './cursor.js';
import type { Entry } from './entry.js';
import { InvalidCursorError, LogClosedError } from './errors.js';
import { StoredEvent, type StoredLoss } from './event.js';
import { Expiry } from './expiry.js';
import { LogFollower, type Beginning, type FollowerHost } from './follower.js';
import { HistoryOrder } from './history-order.js';
import { checkEventType, checkStreamName, checkTargets, wellFormed } from './names.js';
import { Origins } from './origins.js';
import { resolveLogOptions, type EventLogOptions, type LogSettings } from './settings.js';
import { Streams } from './streams.js';
import {
  subscribe,
  type EventOf,
  type ItemHandler,
  type StreamName,
  type SubscribeOptions,
  type Subscription,
} from './subscription.js';
import type { FollowOptions, Follower, LogEvent, StreamTypes } from './types.js';

/** What is said with an event besides its data. */
export interface PublishOptions<Type extends string = string> {
  /** Default `message`. `gap` is reserved. */
  readonly type?: Type;
  /**
   * Makes publishing again the same event: while an event of the stream with this key is in the history, that one is given
   * back and nothing is published. Up to 256 characters.
   */
  readonly key?: string;
}

/** An event of another origin, as `append` takes it. */
export interface RemoteEvent {
  readonly origin: string;
  readonly n: number;
  readonly stream: string;
  readonly type: string;
  readonly data: string;
  readonly key?: string | undefined;
  /** Milliseconds since it was published. */
  readonly age: number;
}

/** What `append` did: took it, had it already, or lacks one before it. */
export type Appended = 'appended' | 'duplicate' | 'early';

/** One who follows, for lists. */
export interface SubscriberInfo {
  readonly id: number;
  /** Names and patterns. */
  readonly streams: readonly string[];
  readonly transport: string;
  readonly peer: string | undefined;
  /** Milliseconds since it came. */
  readonly connectedFor: number;
  /** Items that it is behind. */
  readonly lag: number;
  /** Items that it was handed. */
  readonly delivered: number;
}

/** Type names of a stream. */
type TypeOf<Types extends StreamTypes, S extends StreamName<Types>> = keyof Types[S] & string;

const PUBLISH_NAMES: OptionNames<PublishOptions> = { type: true, key: true };
const LONGEST_KEY = 256;

/**
 * A bounded log of events on named streams, which any number of clients follow over any transport, each from its own place.
 *
 * Memory is that of the history: a client costs a position. Events are framed once per transport, clients are served once
 * per tick, and whoever is too slow is told what it missed.
 */
export class EventLog<Types extends StreamTypes = StreamTypes> {
  /** Id of this run of the log. Its events are numbered under it, and a restart has another. */
  readonly origin: string;
  readonly #settings: LogSettings;
  readonly #origins = new Origins();
  readonly #order = new HistoryOrder();
  readonly #counters = new Counters();
  readonly #streams: Streams;
  readonly #followers = new Map<number, LogFollower<unknown>>();
  readonly #expiry: Expiry;
  readonly #followerHost: FollowerHost;
  readonly #keys = new Map<string, StoredEvent>();
  #dirty = new Set<Channel>();
  #scheduled = false;
  #n = 0;
  #index = 0;
  #nextFollower = 1;
  #closed = false;

  /** @throws InvalidArgumentError for unknown options or values out of range. */
  constructor(options: EventLogOptions = {}) {
    this.#settings = resolveLogOptions(options);
    this.origin = this.#settings.origin;
    this.#origins.add(this.origin);
    this.#streams = new Streams(this.#channelHost());
    this.#followerHost = { counters: this.#counters, log: this, left: (id, channel) => this.#left(id, channel) };
    this.#expiry = new Expiry(this.#settings.clock, () => this.#expire());
  }

  /** Number of the newest item that this run has appended; 0 at first. */
  get index(): number {
    return this.#index;
  }

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
   * @param data Text is sent as it is, anything else as JSON.
   * @throws InvalidArgumentError for an unusable name, type, key or value; LimitExceededError for data beyond
   * `maxEventBytes`, or a new stream beyond `maxStreams`; LogClosedError.
   */
  publish<S extends StreamName<Types>, Type extends TypeOf<Types, S> = 'message' & TypeOf<Types, S>>(
    stream: S,
    data: Types[S][Type],
    ...[options]: 'message' extends Type
      ? [options?: PublishOptions<Type>]
      : [options: PublishOptions<Type> & { readonly type: Type }]
  ): LogEvent<Types[S][Type], Type> {
    const { type = 'message', key } = this.#checkPublish(options ?? {});
    checkStreamName(stream);
    checkEventType(type);
    const text = this.#text(data);
    const known = key === undefined ? undefined : this.#keys.get(keyOf(stream, key));
    if (known !== undefined) return known as LogEvent<Types[S][Type], Type>;
    // Before anything is counted: this may throw.
    const channel = this.#streams.stream(stream);
    this.#n += 1;
    const event = this.#store({ stream, type, data: text, origin: this.origin, n: this.#n, key }, 0);
    this.#counters.published += 1;
    this.#take(channel, event);
    return event as LogEvent<Types[S][Type], Type>;
  }

  /**
   * Follows streams as a transport does, pulling frames; see {@link Follower}. Users take `subscribe` or a handler.
   *
   * @throws InvalidCursorError for a cursor that no log gave out, or one ahead of this run; InvalidArgumentError for
   * unusable names; LimitExceededError for too many; LogClosedError.
   */
  follow<F>(options: FollowOptions<F>): Follower<F> {
    this.#checkOpen();
    const targets = checkTargets(options.streams);
    const { start = 'now' } = options;
    const vector = typeof start === 'object' && 'cursor' in start ? this.#vector(start.cursor) : undefined;
    if (typeof start === 'object' && 'index' in start && !(Number.isSafeInteger(start.index) && start.index >= 0)) {
      throw new InvalidArgumentError('an index must be a whole number from 0');
    }
    this.#evictExpired();
    const channel = this.#streams.channel(targets);
    const id = this.#nextFollower++;
    const beginning: Beginning =
      vector !== undefined && typeof start === 'object' && 'cursor' in start
        ? { vector, cursor: start.cursor }
        : begin(channel, start as Exclude<typeof start, { readonly cursor: string }>);
    const follower = new LogFollower<F>(id, channel, this.#followerHost, options, beginning);
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
  subscribe<S extends StreamName<Types>>(
    streams: S | readonly S[],
    handlerOrOptions?: ItemHandler<EventOf<Types, S>> | SubscribeOptions,
    options?: SubscribeOptions,
  ): Subscription<EventOf<Types, S>> {
    const handler = typeof handlerOrOptions === 'function' ? handlerOrOptions : undefined;
    const given = typeof handlerOrOptions === 'function' ? options : handlerOrOptions;
    return subscribe<EventOf<Types, S>>(this, streams, handler, given ?? {});
  }

  /** The cursor behind the newest event of these streams: the position of now. @throws InvalidArgumentError */
  cursor(streams: string | readonly string[]): string {
    const targets = checkTargets(streams);
    const [only = ''] = targets;
    const channel = targets.length === 1 ? this.#streams.get(only) : undefined;
    if (channel !== undefined) return channel.cursor;
    const vector = new Map<string, number>([[this.origin, this.#n]]);
    for (const { item } of this.#streams.entries(targets)) {
      if (item.n > (vector.get(item.origin) ?? 0)) vector.set(item.origin, item.n);
    }
    return formatCursor(vector);
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
    for (const { item } of this.#streams.entries(checkTargets(streams))) if (item.kind === 'event') events.push(item);
    return events;
  }

  /** The newest event of a stream that is held. */
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
      connectedFor: now - since,
      lag,
      delivered,
    }));
  }

  /** How many follow each stream or pattern now. Whoever follows several counts for each. */
  counts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const channels of [this.#streams.all(), this.#streams.patterns()]) {
      for (const { targets, members } of channels) {
        if (members.size === 0) continue;
        for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + members.size);
      }
    }
    return counts;
  }

  stats(): LogStats {
    return this.#counters.read({
      events: this.#order.size,
      bytes: this.#order.bytes,
      streams: this.#streams.size,
    });
  }

  /**
   * Takes over an event of another origin. Events of one origin must come in the order of their numbers: what comes early
   * is refused, so that whoever brings it can get the missing ones first. One beyond the history's age counts as lost.
   *
   * @throws InvalidArgumentError for fields out of range or an event of this run; LogClosedError.
   */
  append(event: RemoteEvent): Appended {
    this.#checkOpen();
    checkStreamName(event.stream);
    checkEventType(event.type);
    this.#checkOrigin(event.origin);
    if (!Number.isSafeInteger(event.n) || event.n < 1)
      throw new InvalidArgumentError('n must be a whole number from 1');
    if (!(event.age >= 0)) throw new InvalidArgumentError('age must be milliseconds from 0');
    const have = this.#origins.have(event.origin);
    if (event.n <= have) return 'duplicate';
    if (event.n > have + 1) return 'early';
    const text = this.#text(event.data);
    const channel = this.#streams.stream(event.stream);
    this.#counters.appended += 1;
    if (event.age >= this.#settings.history.age) {
      // It would be gone at once, and who follows would not hear of it.
      this.#lose(event.origin, event.n, [channel, ...this.#streams.spanning(event.stream)]);
      return 'appended';
    }
    const { origin, n, stream, type, key } = event;
    this.#take(channel, this.#store({ origin, n, stream, type, data: text, key }, event.age));
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
    this.#checkOrigin(origin);
    if (!Number.isSafeInteger(n) || n < 1) throw new InvalidArgumentError('n must be a whole number from 1');
    if (n <= this.#origins.have(origin)) return 'duplicate';
    this.#streams.lost(this.#lose(origin, n, [...this.#streams.all(), ...this.#streams.patterns()]));
    return 'appended';
  }

  /** Makes an origin known that may not have published yet, so that cursors which name it are not taken for strange. */
  meet(origin: string): void {
    this.#checkOrigin(origin);
    this.#origins.add(origin);
  }

  /** Up to where the log has had all events, by origin. */
  have(): Map<string, number> {
    return this.#origins.vector();
  }

  /** The events of an origin beyond a number that are held, in order. Numbers that are left out have left the history. */
  *eventsOf(origin: string, after = 0): Generator<LogEvent, void, undefined> {
    for (const item of this.#origins.after(origin, after)) if (item.kind === 'event') yield item;
  }

  /** Ends all following, in order: what is due is served first where there is room. The history stays readable. */
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

  #store(fields: Omit<StoredEvent, 'kind' | 'json' | 'index' | 'time'>, age: number): StoredEvent {
    this.#index += 1;
    return new StoredEvent({ ...fields, index: this.#index, time: this.#settings.clock.now() - age });
  }

  #take(channel: Channel, event: StoredEvent): void {
    this.#origins.appended(event);
    if (event.key !== undefined) this.#keys.set(keyOf(event.stream, event.key), event);
    this.#order.add(channel, channel.append(event));
    for (const spanning of this.#streams.spanning(event.stream)) spanning.append(event);
    publishIfListened(PUBLISH_CHANNEL, () => ({ log: this, event }));
    this.#trim();
  }

  #lose(origin: string, n: number, channels: readonly Channel[]): StoredLoss {
    this.#index += 1;
    const after = this.#origins.have(origin);
    const loss: StoredLoss = { kind: 'loss', origin, after, n, index: this.#index, time: this.#settings.clock.now() };
    this.#origins.appended(loss);
    for (const channel of channels) {
      const entry = channel.append(loss);
      if (this.#streams.isStream(channel)) this.#order.add(channel, entry);
    }
    this.#trim();
    return loss;
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
      this.#expiry.arm(oldest === undefined ? undefined : oldest.entry.item.time + this.#settings.history.age);
  }

  #evictExpired(): void {
    const before = this.#settings.clock.now() - this.#settings.history.age;
    for (
      let { oldest } = this.#order;
      oldest !== undefined && oldest.entry.item.time <= before;
      { oldest } = this.#order
    ) {
      this.#evictOldest();
    }
  }

  #evictOldest(): void {
    const { oldest } = this.#order;
    if (oldest === undefined) return;
    const { index } = oldest.entry.item;
    oldest.channel.evictOldest();
    for (const channel of this.#streams.patterns()) channel.evictThrough(index);
  }

  #evicted(channel: Channel, entry: Entry): void {
    if (!this.#streams.isStream(channel)) return;
    this.#order.remove(entry);
    const { item } = entry;
    this.#origins.evicted(item);
    if (item.kind === 'event' && item.key !== undefined) this.#keys.delete(keyOf(item.stream, item.key));
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

  #text(data: unknown): string {
    const text = typeof data === 'string' ? wellFormed(data) : JSON.stringify(data);
    if (text === undefined) throw new InvalidArgumentError(`the data of an event cannot be ${typeof data}`);
    const { maxEventBytes } = this.#settings.limits;
    if (text.length * 3 > maxEventBytes && Buffer.byteLength(text) > maxEventBytes) {
      throw new LimitExceededError('maxEventBytes', `the data of an event must not exceed ${maxEventBytes} bytes`);
    }
    return text;
  }

  #checkPublish(options: PublishOptions): PublishOptions {
    this.#checkOpen();
    checkOptionNames('publish', options, PUBLISH_NAMES);
    const { key } = options;
    if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > LONGEST_KEY)) {
      throw new InvalidArgumentError(`a key must be text of 1 to ${LONGEST_KEY} characters`);
    }
    return options;
  }

  #checkOrigin(origin: string): void {
    if (!isOrigin(origin)) throw new InvalidArgumentError('an origin must be 8 characters of letters and digits');
    if (origin === this.origin) throw new InvalidArgumentError('this run publishes its own events');
  }

  #checkOpen(): void {
    if (this.#closed) throw new LogClosedError('the log was closed');
  }
}

function begin(channel: Channel, start: 'now' | 'start' | { readonly index: number }): Beginning {
  const { ring } = channel;
  if (start === 'now') return { position: ring.end, cursor: channel.cursor };
  const base = formatCursor(channel.base());
  if (start === 'start') return { position: ring.first, cursor: base };
  const position = channel.positionOf(start.index);
  const cursor = ring.at(position - 1)?.cursor ?? base;
  const gone = start.index > 0 && start.index <= channel.evictedIndex;
  return { position, cursor, skipBelow: start.index, ...(gone ? { gap: true as const } : {}) };
}

function keyOf(stream: string, key: string): string {
  return `${stream}\n${key}`;
}
