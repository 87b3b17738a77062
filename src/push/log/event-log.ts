import type { Clock } from '../../clock/clock.js';
import { FOLLOW_CHANNEL, publishIfListened } from '../diagnostics/channels.js';
import { begin } from './beginning.js';
import type { Channel } from './channel.js';
import {
  checkDeliverOptions,
  checkFollowOptions,
  checkPublishOptions,
  type DeliverOptions,
  type PublishOptions,
  type RemoteEvent,
} from './checks.js';
import type { LogStats } from './counters.js';
import { parseCursor } from './cursor.js';
import { InvalidCursorError } from './errors.js';
import { textOf } from './event.js';
import { LogFollower, type FollowerHost } from './follower.js';
import { LogCore } from './log-core.js';
import { checkEventType, checkStreamName, checkTargets } from './names.js';
import { Replica, type Appended } from './replica.js';
import { resolveLogOptions, type EventLogOptions, type LogSettings } from './settings.js';
import type { SnapshotPart } from './snapshot.js';
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

export type { DeliverOptions, PublishOptions, RemoteEvent } from './checks.js';
export type { Appended } from './replica.js';

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

/**
 * A log as those see it who learn the names of streams and types only at run time, as a mesh does whose log has types.
 */
export interface UntypedLog {
  /** As `publish` of the log. */
  publish(stream: string, data: unknown, options?: PublishOptions): LogEvent;
  /** As `deliver` of the log. */
  deliver(stream: string, data: unknown, options?: DeliverOptions): number;
}

/** Type names of a stream. */
export type TypeOf<Types extends DeclaredStreams<Types>, S extends StreamName<Types>> = keyof Types[S] & string;

/**
 * A bounded log of events on named streams, which any number of clients follow over any transport, each from its own place.
 *
 * Memory is that of the history: a client costs a position. Events are framed once per transport, clients are served once
 * per tick, and whoever is too slow is told what it missed.
 */
export class EventLog<Types extends DeclaredStreams<Types> = StreamTypes> {
  /** Id of this run of the log. Its events are numbered under it, and a restart has another. */
  readonly origin: string;
  readonly #core: LogCore;
  readonly #replica: Replica;
  readonly #followers = new Map<number, LogFollower<unknown>>();
  readonly #followerHost: FollowerHost;
  #nextFollower = 1;

  /** @throws InvalidArgumentError for unknown options or values out of range. */
  constructor(options: EventLogOptions = {}) {
    const settings = resolveLogOptions(options);
    this.origin = settings.origin;
    this.#core = new LogCore(settings, this);
    this.#replica = new Replica(this.#core);
    const { counters } = this.#core;
    this.#followerHost = { counters, log: this, left: (id, channel) => this.#left(id, channel) };
  }

  /** Number of the newest item that this run has appended; 0 at first. */
  get index(): number {
    return this.#core.index;
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#core.closed;
  }

  /** What it takes the time from. */
  get clock(): Clock {
    return this.#core.settings.clock;
  }

  /** Options as they are in force. */
  get settings(): LogSettings {
    return this.#core.settings;
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
    return this.#publish(stream, data, options) as LogEvent<Types[S][Type], Type>;
  }

  /**
   * Hands an event to those who follow the stream now, over whichever transport, and to nobody else: for what comes from
   * outside the log and has no number in it. It has no place in the history, in what other pods copy, or in what cursors
   * promise: whoever resumes is not given it, and whoever is given it keeps the cursor that it had. It comes in order with
   * what is appended to the stream before and after.
   *
   * On its way it counts in the bounds of the history. Who is so slow that it leaves first misses it, and is told of no gap.
   *
   * @param data As for `publish`.
   * @returns How many follow the stream, by name or by pattern.
   * @throws InvalidArgumentError for an unusable name, type or value; LimitExceededError for data beyond `maxEventBytes`;
   * LogClosedError.
   */
  deliver<S extends StreamName<Types>, Type extends TypeOf<Types, S> = 'message' & TypeOf<Types, S>>(
    stream: S,
    data: Types[S][Type],
    ...[options]: 'message' extends Type
      ? [options?: DeliverOptions<Type>]
      : [options: DeliverOptions<Type> & { readonly type: Type }]
  ): number {
    return this.#deliver(stream, data, options);
  }

  /** The log for those who learn names and types only at run time. */
  untyped(): UntypedLog {
    return {
      publish: (stream, data, options) => this.#publish(stream, data, options),
      deliver: (stream, data, options) => this.#deliver(stream, data, options),
    };
  }

  /**
   * Follows streams as a transport does, pulling frames; see {@link Follower}. Users take `subscribe` or a handler.
   *
   * @throws InvalidCursorError for a cursor that no log gave out, or one ahead of this run; InvalidArgumentError for
   * unusable names or options; LimitExceededError beyond `maxStreams` or `maxPatterns`; LogClosedError.
   */
  follow<F>(options: FollowOptions<F>): Follower<F> {
    const core = this.#core;
    core.checkOpen();
    checkFollowOptions(options);
    const targets = checkTargets(options.streams);
    const { start = 'now' } = options;
    const vector = typeof start === 'object' && 'cursor' in start ? this.#vector(start.cursor) : undefined;
    core.evictExpired();
    const channel = core.streams.channel(targets);
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
    return this.#core.streams.cursor(checkTargets(streams));
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
    this.#core.evictExpired();
    return this.#core.streams.evictedIndex(checkTargets(streams)) + 1;
  }

  /** The events of these streams that are held, in the order in which they came. @throws InvalidArgumentError */
  history(streams: string | readonly string[]): LogEvent[] {
    const core = this.#core;
    core.evictExpired();
    const events: LogEvent[] = [];
    for (const { item } of core.streams.entries(checkTargets(streams), core.order))
      if (item.kind === 'event') events.push(item);
    return events;
  }

  /** The newest event of a stream that is held; `undefined` for none. Patterns mean nothing here. */
  newest(stream: string): LogEvent | undefined {
    this.#core.evictExpired();
    const ring = this.#core.streams.get(stream)?.ring;
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
    for (const { targets, ring, live, members } of this.#core.streams.all()) {
      if (ring.size > live || members.size > 0) names.push(...targets);
    }
    return names;
  }

  /** Who follows now. */
  subscribers(): SubscriberInfo[] {
    const now = this.clock.now();
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
    for (const channels of [this.#core.streams.all(), this.#core.streams.sets()]) {
      for (const { targets, members } of channels) {
        if (members.size === 0) continue;
        for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + members.size);
      }
    }
    return counts;
  }

  /** Numbers since the log was made, and what it holds now. */
  stats(): LogStats {
    const { counters, order, streams } = this.#core;
    return counters.read({ events: order.size, bytes: order.bytes, streams: streams.size });
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
    return this.#replica.append(event);
  }

  /**
   * Notes that events of another origin, from the next one that is lacking through `n`, are held by nobody any more.
   * Followers of every stream pass a `gap` there, now and when they resume across it.
   *
   * @throws InvalidArgumentError; LogClosedError.
   */
  appendLoss(origin: string, n: number): Appended {
    return this.#replica.appendLoss(origin, n);
  }

  /**
   * Notes that another pod, whose clients may come to this one, lacked events of an origin after `after` for a time. Whoever
   * comes with a cursor that does not name the origin is told of those that have left the history here, though the cursor
   * looks as if it had been given out long after them.
   *
   * @returns Whether there are such events, and it was not known.
   * @throws InvalidArgumentError; LogClosedError.
   */
  missed(origin: string, after: number): boolean {
    return this.#replica.missed(origin, after);
  }

  /**
   * What a new pod needs to serve clients of this one: the events that are held, and who has missed what. Taken at once, read
   * part by part.
   */
  snapshot(): Generator<SnapshotPart, void, undefined> {
    return this.#replica.snapshot();
  }

  /**
   * Takes over a part of another log's snapshot, before this one has any event of its own. What this log has no room for counts
   * as lost or gone, as with `append`. A copy that breaks off may be followed by another, from the beginning.
   *
   * @throws InvalidArgumentError for a log that has published, or anything `append` refuses; LogClosedError.
   */
  adopt(part: SnapshotPart): void {
    this.#replica.adopt(part);
  }

  /**
   * Makes an origin known that may not have published yet, so that cursors which name it are not taken for strange. Of 4,096
   * origins those are forgotten first, with how far they had come, of which nothing is held and which were not met for longest:
   * to be called now and then for each that is there.
   */
  meet(origin: string): void {
    this.#replica.meet(origin);
  }

  /**
   * Tells of every event as it is appended, before followers are served: for what must not wait for a turn of the event loop.
   * The listener must not throw, nor publish.
   *
   * @returns ends it.
   */
  tap(listener: (event: LogEvent) => void): () => void {
    const { taps } = this.#core;
    taps.add(listener);
    return () => void taps.delete(listener);
  }

  /** Number up to which the log has had all events of an origin; 0 for one it does not know. */
  haveOf(origin: string): number {
    return this.#core.have(origin);
  }

  /** Up to where the log has had all events, by origin. */
  have(): Map<string, number> {
    return this.#core.origins.vector();
  }

  /** The events of an origin beyond a number that are held, in order. Numbers that are left out have left the history. */
  eventsOf(origin: string, after = 0): Generator<LogEvent, void, undefined> {
    return this.#replica.eventsOf(origin, after);
  }

  /**
   * Ends all following, in order: what is due is served first where there is room. The history stays readable; nothing can
   * be published or followed any more. Safe to call again.
   */
  close(): void {
    if (this.#core.closed) return;
    this.#core.close();
    for (const follower of this.#followers.values()) follower.finish('closed');
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #publish(stream: string, data: unknown, options: PublishOptions = {}): LogEvent {
    const core = this.#core;
    core.checkOpen();
    const { type = 'message', key } = checkPublishOptions(options);
    checkStreamName(stream);
    checkEventType(type);
    const text = textOf(data, core.settings.limits.maxEventBytes);
    const known = key === undefined ? undefined : core.published(stream, key);
    if (known !== undefined) return known;
    // Before anything is counted: this may throw.
    const channel = core.streamFor(stream);
    core.selfNumber += 1;
    core.counters.published += 1;
    return core.take(channel, { type, data: text, origin: this.origin, n: core.selfNumber, key }, 0);
  }

  #deliver(stream: string, data: unknown, options: DeliverOptions = {}): number {
    const core = this.#core;
    core.checkOpen();
    const { type = 'message' } = checkDeliverOptions(options);
    checkStreamName(stream);
    checkEventType(type);
    return core.takeLive(stream, type, textOf(data, core.settings.limits.maxEventBytes));
  }

  #left(id: number, channel: Channel): void {
    this.#followers.delete(id);
    this.#core.streams.settle(channel);
  }

  #vector(cursor: string): Map<string, number> {
    const vector = parseCursor(cursor, this.settings.limits.maxCursorOrigins);
    if ((vector.get(this.origin) ?? 0) > this.#core.selfNumber) {
      throw new InvalidCursorError('the cursor is ahead of the log');
    }
    return vector;
  }
}
