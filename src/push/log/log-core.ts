import { PUBLISH_CHANNEL, publishIfListened, type DiagnosticsLog } from '../diagnostics/channels.js';
import { Channel, type ChannelHost } from './channel.js';
import type { LostEvents } from './checks.js';
import { Counters } from './counters.js';
import type { Entry } from './entry.js';
import { LogClosedError } from './errors.js';
import { LiveEvent, StoredEvent, type EventFields, type StoredItem, type StoredLoss } from './event.js';
import { Expiry } from './expiry.js';
import { FrameStore } from './frame-store.js';
import { HistoryOrder } from './history-order.js';
import { Origins } from './origins.js';
import type { LogSettings } from './settings.js';
import { Streams } from './streams.js';
import type { LogEvent } from './types.js';

/** What an event is made of, besides what the log adds. */
export type NewEvent = Omit<EventFields, 'stream' | 'index' | 'time'>;

/** What a log holds, and how items come into it and leave it: the part that publishing and copying have in common. */
export class LogCore implements ChannelHost {
  readonly settings: LogSettings;
  readonly origins: Origins;
  readonly order: HistoryOrder = new HistoryOrder();
  readonly counters: Counters = new Counters();
  readonly frames: FrameStore;
  readonly streams: Streams;
  readonly taps: Set<(event: LogEvent) => void> = new Set();
  /** Number of the newest event that this run has published. */
  selfNumber = 0;
  /** Number of the newest item. */
  index = 0;
  closed = false;
  readonly #owner: DiagnosticsLog;
  readonly #expiry: Expiry;
  readonly #keys = new Map<string, StoredEvent>();
  /** Holds the live events, for the bounds; those who follow have them in their own rings. */
  readonly #live: Channel;
  #livePlace = 0;
  #dirty = new Set<Channel>();
  #scheduled = false;

  /** @param owner The log that listeners are told of. */
  constructor(settings: LogSettings, owner: DiagnosticsLog) {
    this.settings = settings;
    this.#owner = owner;
    this.origins = new Origins(settings.origin);
    this.frames = new FrameStore(settings.limits.budgetBytes);
    this.streams = new Streams(this);
    this.#live = new Channel([], this);
    this.#expiry = new Expiry(settings.clock, () => this.#expire());
  }

  have(origin: string): number {
    return this.origins.have(origin);
  }

  knows(origin: string): boolean {
    return this.origins.knows(origin);
  }

  timeOf(origin: string, n: number): number | undefined {
    return this.origins.held(origin, n)?.time;
  }

  /** @throws LogClosedError */
  checkOpen(): void {
    if (this.closed) throw new LogClosedError('the log was closed');
  }

  /** The event that was published under a key, while it is held. */
  published(stream: string, key: string): StoredEvent | undefined {
    this.evictExpired();
    return this.#keys.get(keyOf(stream, key));
  }

  /** The channel for an event that is about to be taken. @throws LimitExceededError */
  streamFor(stream: string): Channel {
    this.makeRoom(stream);
    return this.streams.stream(stream);
  }

  /** Lets the oldest events go until a new stream has room, if that helps. */
  makeRoom(stream: string): void {
    while (this.streams.crowded(stream) && this.order.size > 0) this.#evictOldest();
  }

  take(channel: Channel, fields: NewEvent, age: number): StoredEvent {
    this.index += 1;
    const [stream = ''] = channel.targets;
    const time = this.settings.clock.now() - age;
    const { type, data, origin, n, key } = fields;
    // Field by field: spreading would be half of what publishing costs.
    const event = new StoredEvent({ stream, type, data, origin, n, index: this.index, time, key });
    this.origins.appended(event);
    if (event.key !== undefined) this.#keys.set(keyOf(stream, event.key), event);
    const entry = channel.append(event);
    this.order.add(channel, entry);
    for (const set of this.streams.spanning(channel)) set.append(event, entry);
    for (const tap of this.taps) tap(event);
    publishIfListened(PUBLISH_CHANNEL, () => ({ log: this.#owner, event }));
    this.#trim();
    return event;
  }

  /** Hands an event to those who follow its stream now. @returns how many these are. */
  takeLive(stream: string, type: string, data: string): number {
    this.counters.live += 1;
    const channels = this.streams.hearing(stream).filter(({ members }) => members.size > 0);
    if (channels.length === 0) return 0;
    const { index } = this;
    const { clock, origin } = this.settings;
    const time = clock.now();
    const event = new LiveEvent({ stream, type, data, origin, n: 0, index, time, key: undefined });
    this.#livePlace += 1;
    const item: StoredItem = { kind: 'live', event, index, place: this.#livePlace, time };
    this.order.add(this.#live, this.#live.append(item));
    let like: Entry | undefined;
    let followers = 0;
    for (const channel of channels) {
      like = channel.append(item, like);
      followers += channel.members.size;
    }
    this.#trim();
    return followers;
  }

  /**
   * Events of another origin are held by nobody.
   *
   * @param stream Theirs; `undefined` when it may be any.
   */
  lose({ origin, after, n, stream, age }: LostEvents): void {
    this.index += 1;
    const time = this.settings.clock.now() - age;
    const loss: StoredLoss = { kind: 'loss', origin, after, n, stream, index: this.index, time };
    this.origins.appended(loss);
    if (stream === undefined) this.streams.lost(loss);
    else this.#loseOf(stream, loss);
    this.#trim();
  }

  evictExpired(): void {
    const before = this.settings.clock.now() - this.settings.history.age;
    for (let { oldest } = this.order; oldest !== undefined && oldest.item.time <= before; { oldest } = this.order) {
      this.#evictOldest();
    }
  }

  entered(channel: Channel, entry: Entry): void {
    this.order.add(channel, entry);
  }

  evicted(channel: Channel, entry: Entry): void {
    const { item, home } = entry;
    if (home === channel) {
      this.order.remove(entry);
      if (item.kind === 'event') this.origins.evicted(item);
      if (item.kind === 'loss') this.streams.lostEvicted(channel, item);
      if (item.kind === 'event' && item.key !== undefined) {
        const key = keyOf(item.stream, item.key);
        // Another origin may have published under it since.
        if (this.#keys.get(key) === item) this.#keys.delete(key);
      }
    }
    // What a set has borrowed stays for its stream.
    if (entry.home === undefined) this.frames.drop(entry);
    if (channel.ring.size === 0) this.streams.settle(channel);
  }

  dirty(channel: Channel): void {
    this.#dirty.add(channel);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.settings.schedule(() => this.flush());
  }

  flush(): void {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    for (const channel of dirty) channel.flush();
  }

  close(): void {
    this.flush();
    this.closed = true;
    this.#expiry.cancel();
  }

  #loseOf(stream: string, loss: StoredLoss): void {
    this.makeRoom(stream);
    if (!this.streams.hasRoom(stream)) {
      for (const channel of this.streams.lostOn(stream, loss)) channel.append(loss);
      return;
    }
    const channel = this.streams.stream(stream);
    const entry = channel.append(loss);
    this.order.add(channel, entry);
    for (const set of this.streams.spanning(channel)) set.append(loss, entry);
  }

  #trim(): void {
    const { order } = this;
    const { budgetBytes } = this.settings.limits;
    while (order.bytes + order.cursorBytes > budgetBytes && order.size > 1) this.#evictOldest();
    this.evictExpired();
    this.#arm();
  }

  #expire(): void {
    this.evictExpired();
    this.#arm();
  }

  #arm(): void {
    const { oldest } = this.order;
    if (!this.closed) this.#expiry.arm(oldest === undefined ? undefined : oldest.item.time + this.settings.history.age);
  }

  #evictOldest(): void {
    const { oldest } = this.order;
    const home = oldest?.home;
    if (oldest === undefined || home === undefined) return;
    // Rings of others hold nothing that is not in the order.
    for (const channel of this.#borrowersOf(oldest.item, home)) channel.evictThrough(oldest.item);
    home.evictOldest();
  }

  #borrowersOf(item: StoredItem, home: Channel): readonly Channel[] {
    if (item.kind === 'live') return this.streams.hearing(item.event.stream);
    return [...(item.kind === 'loss' ? this.streams.sets() : this.streams.spanning(home))];
  }
}

function keyOf(stream: string, key: string): string {
  return `${stream}\n${key}`;
}
