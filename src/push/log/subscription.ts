import { deferred } from '../../clock/deferred.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { LiveEvent, StoredEvent } from './event.js';
import type {
  DeclaredStreams,
  EndReason,
  FollowOptions,
  Follower,
  Framer,
  Gap,
  LogEvent,
  StartPosition,
} from './types.js';
import { warn } from './warn.js';

/** Streams that a log was declared with; any name when it was not. */
export type StreamName<Types extends DeclaredStreams<Types>> = keyof Types & string;

/** Patterns, and beside them names that a log was declared with. */
export type StreamPatterns<Types extends DeclaredStreams<Types>> =
  | `${string}*${string}`
  | readonly (`${string}*${string}` | StreamName<Types>)[];

/** The events of a stream, as it was declared. */
export type EventOf<Types extends DeclaredStreams<Types>, S extends StreamName<Types>> = {
  [Name in S]: { [Type in keyof Types[Name] & string]: LogEvent<Types[Name][Type], Type> }[keyof Types[Name] & string];
}[S];

/** What a subscription brings, with the cursor behind it. */
export type SubscriptionItem<E extends LogEvent = LogEvent> = (E | Gap) & { readonly cursor: string };

/** Called with one item after the other; while a promise of it is pending, nothing else comes. */
export type ItemHandler<E extends LogEvent = LogEvent> = (item: SubscriptionItem<E>) => void | Promise<void>;

/** Options of `subscribe`. */
export interface SubscribeOptions {
  /** Where to begin. Default `now`. */
  readonly start?: StartPosition;
  /** Ends the subscription, as `close` does. */
  readonly signal?: AbortSignal;
  /** Whether a subscriber that is too slow is told of the gap, the default, or ended. */
  readonly whenOvertaken?: 'gap' | 'drop';
}

/** Following in this process. Nothing is buffered for it but what was pulled last. */
export interface Subscription<E extends LogEvent = LogEvent> extends AsyncIterableIterator<SubscriptionItem<E>> {
  /** The cursor behind the last item that was handed out. */
  readonly cursor: string;
  /**
   * Settles when it is over, with the reason; with a handler once that has had the last item. Rejects with what the handler
   * threw, which is a warning of the process if nobody has asked for this promise.
   */
  readonly closed: Promise<EndReason>;
  /** Ends it; iteration ends too. */
  close(): void;
  next(): Promise<IteratorResult<SubscriptionItem<E>, undefined>>;
  return(): Promise<IteratorResult<SubscriptionItem<E>, undefined>>;
  [Symbol.asyncIterator](): Subscription<E>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The part of a log that a subscription needs. */
export interface Followable {
  follow<F>(options: FollowOptions<F>): Follower<F>;
}

const NAMES: OptionNames<SubscribeOptions> = { start: true, signal: true, whenOvertaken: true };
/** What handlers call otherwise. */
const ELSEWHERE = { cursor: 'start: { cursor }', index: 'start: { index }' } as const;
/** Items that are pulled at once. */
const PORTION = 64;

/** An event with the cursor behind it, shared by all subscriptions at the same place. */
class Delivered extends StoredEvent {
  readonly cursor: string;

  constructor(event: LogEvent, cursor: string) {
    super(event);
    this.cursor = cursor;
  }
}

class DeliveredLive extends LiveEvent {
  readonly cursor: string;

  constructor(event: LogEvent, cursor: string) {
    super(event);
    this.cursor = cursor;
  }
}

const ITEMS: Framer<readonly SubscriptionItem[]> = {
  event: (event, cursor) => [event.live === true ? new DeliveredLive(event, cursor) : new Delivered(event, cursor)],
  gap: (gap, cursor) => [{ ...gap, cursor }],
  batch: (frames) => (frames.length === 1 ? (frames[0] ?? []) : frames.flat()),
  size: (items) => items.reduce((sum, item) => sum + (item.kind === 'event' ? item.data.length : 0), 0),
};

class LogSubscription implements Subscription {
  readonly #follower: Follower<readonly SubscriptionItem[]>;
  readonly #over = deferred<EndReason>();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.close();
  #items: readonly SubscriptionItem[] = [];
  #taken = 0;
  #ended: EndReason | undefined;
  #cursor: string;
  #wake: (() => void) | undefined;
  /** Whether a handler is served, which has the last word on the end. */
  readonly #handled: boolean;
  /** Whether somebody will hear of the failure of the handler. */
  #observed = false;
  /** Calls of `next` answer in order. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(log: Followable, streams: string | readonly string[], options: SubscribeOptions, handled: boolean) {
    this.#handled = handled;
    this.#signal = options.signal;
    this.#follower = log.follow({
      streams,
      framer: ITEMS,
      transport: 'subscription',
      ...(options.start === undefined ? {} : { start: options.start }),
      ...(options.whenOvertaken === undefined ? {} : { whenOvertaken: options.whenOvertaken }),
      onReady: () => this.#wake?.(),
      onEnd: (reason) => this.#end(reason),
    });
    this.#cursor = this.#follower.cursor;
    if (options.signal?.aborted === true) this.close();
    else options.signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get cursor(): string {
    return this.#cursor;
  }

  get closed(): Promise<EndReason> {
    this.#observed = true;
    return this.#over.promise;
  }

  close(): void {
    if (this.#ended !== undefined) return;
    this.#items = [];
    this.#taken = 0;
    this.#follower.end();
    this.#end('left');
  }

  /** The handler has had the last item. */
  finished(): void {
    if (this.#ended !== undefined) this.#over.resolve(this.#ended);
  }

  /** Ends with the failure of the handler. */
  failed(error: unknown): void {
    if (this.#ended === undefined) this.#follower.end('failed');
    this.#ended ??= 'failed';
    this.#items = [];
    this.#signal?.removeEventListener('abort', this.#onAbort);
    if (!this.#observed) warn(error);
    this.#over.reject(error);
  }

  next(): Promise<IteratorResult<SubscriptionItem, undefined>> {
    const result = this.#last.then(() => this.#next());
    this.#last = result;
    return result;
  }

  return(): Promise<IteratorResult<SubscriptionItem, undefined>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  async #next(): Promise<IteratorResult<SubscriptionItem, undefined>> {
    for (;;) {
      const item = this.#items[this.#taken];
      if (item !== undefined) {
        this.#taken += 1;
        this.#cursor = item.cursor;
        return { done: false, value: item };
      }
      if (this.#ended !== undefined) return { done: true, value: undefined };
      if (!this.#refill()) await this.#more();
    }
  }

  #refill(): boolean {
    const slice = this.#follower.pull({ items: PORTION });
    if (slice === undefined) return false;
    this.#items = slice.payload;
    this.#taken = 0;
    return true;
  }

  async #more(): Promise<void> {
    if (this.#ended !== undefined) return;
    const { promise, resolve } = deferred<void>();
    this.#wake = resolve;
    await promise;
    this.#wake = undefined;
  }

  #end(reason: EndReason): void {
    if (this.#ended !== undefined) return;
    if (reason === 'closed') this.#drain();
    this.#ended = reason;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#wake?.();
    if (!this.#handled) this.#over.resolve(reason);
  }

  /** The log closes: what is due is handed out yet. */
  #drain(): void {
    const due: SubscriptionItem[] = this.#items.slice(this.#taken);
    for (let slice = this.#follower.pull({ items: PORTION }); slice !== undefined;) {
      for (const item of slice.payload) due.push(item);
      slice = this.#follower.pull({ items: PORTION });
    }
    this.#items = due;
    this.#taken = 0;
  }
}

/** Makes a subscription; with a handler it also runs it. */
export function subscribe<E extends LogEvent>(
  log: Followable,
  streams: string | readonly string[],
  handler: ItemHandler<E> | undefined,
  options: SubscribeOptions,
): Subscription<E> {
  checkOptionNames('subscribe', options, NAMES, ELSEWHERE);
  const subscription = new LogSubscription(log, streams, options, handler !== undefined);
  // What the streams carry is what the log was declared with.
  const typed = subscription as Subscription as Subscription<E>;
  if (handler !== undefined) void run(subscription, typed, handler);
  return typed;
}

async function run<E extends LogEvent>(
  subscription: LogSubscription,
  items: Subscription<E>,
  handler: ItemHandler<E>,
): Promise<void> {
  try {
    // Not `for await`: that would end the subscription as if it were wanted when the handler throws.
    for (let next = await items.next(); next.done !== true; next = await items.next()) await handler(next.value);
    subscription.finished();
  } catch (error) {
    subscription.failed(error);
  }
}
