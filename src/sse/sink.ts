import type { ServerResponse } from 'node:http';
import type { Http2ServerResponse } from 'node:http2';
import type { Writable } from 'node:stream';
import { Alarm } from '../clock/alarm.js';
import { systemClock, type Clock } from '../clock/clock.js';
import { deferred } from '../clock/deferred.js';
import { InvalidArgumentError } from '../errors/index.js';
import { encodeEvent, type EncodableEvent } from './encode.js';
import { iterateFeed, type EventFeed, type FeedIterator } from './feed.js';
import { EVENT_STREAM_TYPE } from './mime.js';

/** The response of a `node:http` or `node:http2` server. */
export type EventResponse = ServerResponse | Http2ServerResponse;

/** What a feed gives: the data of an event, or an event with its fields. */
export type SinkEvent = string | EncodableEvent;

/** How an {@link EventSink} works. */
export interface EventSinkOptions {
  /** Milliseconds without an event after which a comment is sent; 0 for none. Default 15,000. */
  readonly keepAlive?: number;
  /** Reconnection time to tell the client first, in milliseconds. Default: none, the client decides. */
  readonly reconnectTime?: number;
  /** Milliseconds that a client may take to make room again; then it is cut off. 0: for ever. Default 60,000. */
  readonly writeTimeout?: number;
  /** Ends the response, in order. */
  readonly signal?: AbortSignal;
  readonly clock?: Clock;
}

/**
 * Why a sink is over: the feed ended, the client went away, the client did not read for `writeTimeout`, or the signal was
 * aborted.
 */
export type SinkEnd = 'feed-ended' | 'client-closed' | 'client-stalled' | 'aborted';

const KEEP_ALIVE = ':\n\n';

/**
 * Writes the events of a feed to a response. It takes one from the feed only when the client has room for it.
 *
 * A feed that throws, or gives an event that cannot be encoded, has the response destroyed, so that the client does not
 * take it for a stream that is over.
 */
export class EventSink {
  readonly #response: EventResponse;
  readonly #feed: EventFeed<SinkEvent>;
  readonly #options: EventSinkOptions;
  readonly #clock: Clock;
  readonly #keepAlive: number;
  readonly #writeTimeout: number;
  readonly #gone = new AbortController();
  readonly #over = deferred<SinkEnd>();
  readonly #silence: Alarm;
  readonly #stall: Alarm;
  readonly #onAbort = (): void => this.#end('aborted');
  #started = false;
  #hasEnded = false;

  /** @throws InvalidArgumentError for options out of range. */
  constructor(response: EventResponse, feed: EventFeed<SinkEvent>, options: EventSinkOptions = {}) {
    this.#response = response;
    this.#feed = feed;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#keepAlive = period('keepAlive', options.keepAlive, 15_000);
    this.#writeTimeout = period('writeTimeout', options.writeTimeout, 60_000);
    if (options.reconnectTime !== undefined) encodeEvent({ retry: options.reconnectTime });
    this.#silence = new Alarm(this.#clock, () => this.#breakSilence());
    this.#stall = new Alarm(this.#clock, () => this.#end('client-stalled'));
    // Both at once, so that no failure of the socket goes unheard.
    response.on('error', () => this.#end('client-closed'));
    response.on('close', () => this.#end('client-closed'));
  }

  /**
   * Sends the head. Headers that the response has already are kept.
   *
   * @throws InvalidArgumentError when the head was sent before.
   */
  respond(statusCode = 200): void {
    const response = this.#response;
    if (response.headersSent) throw new InvalidArgumentError('the head of the response was sent already');
    setDefault(response, 'Content-Type', EVENT_STREAM_TYPE);
    // no-transform keeps compression that would buffer away; the other header is what nginx looks at.
    setDefault(response, 'Cache-Control', 'no-cache, no-transform');
    setDefault(response, 'X-Accel-Buffering', 'no');
    response.statusCode = statusCode;
    callIfThere(response, 'flushHeaders');
    const { reconnectTime } = this.#options;
    if (reconnectTime !== undefined && response.req.method !== 'HEAD')
      this.#write(encodeEvent({ retry: reconnectTime }));
  }

  /**
   * Writes until the feed ends or the client is gone; sends the head if `respond` was not called. Rejects with what the
   * feed threw, or with `InvalidArgumentError` for an event that cannot be encoded or when it is called twice.
   */
  async sink(): Promise<SinkEnd> {
    if (this.#started) throw new InvalidArgumentError('a sink works once');
    this.#started = true;
    const { signal } = this.#options;
    if (!this.#response.headersSent) this.respond();
    if (this.#response.destroyed || this.#response.closed) this.#end('client-closed');
    if (this.#response.req.method === 'HEAD') this.#end('feed-ended');
    if (signal?.aborted === true) this.#end('aborted');
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (!this.#hasEnded) void this.#pump();
    try {
      return await this.#over.promise;
    } finally {
      signal?.removeEventListener('abort', this.#onAbort);
    }
  }

  async #pump(): Promise<void> {
    let feed: FeedIterator<SinkEvent> | undefined;
    try {
      this.#listen();
      feed = iterateFeed(this.#feed, this.#gone.signal);
      const { signal } = this.#gone;
      const iterator = feed;
      // The feed may be waiting for its next event, and need not heed the signal.
      signal.addEventListener('abort', () => void leave(iterator), { once: true });
      while (!this.#hasEnded) {
        const { done, value } = await feed.next();
        if (this.#hasEnded) return;
        if (done === true) return this.#end('feed-ended');
        const room = this.#write(encodeEvent(typeof value === 'string' ? { data: value } : value));
        if (!room) await this.#drained();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  /** `false` when the client has no room for more. */
  #write(text: string): boolean {
    const writable: Writable = this.#response;
    const room = writable.write(text);
    // A compression middleware between us and the socket keeps what it is not told to pass on.
    callIfThere(this.#response, 'flush');
    if (this.#started) this.#listen();
    return room;
  }

  #drained(): Promise<void> {
    if (this.#writeTimeout > 0) this.#stall.set(this.#clock.now() + this.#writeTimeout);
    // No comments on top of what the client does not take.
    this.#silence.cancel();
    return new Promise((resolve) => {
      const { signal } = this.#gone;
      const proceed = (): void => {
        this.#response.off('drain', proceed);
        signal.removeEventListener('abort', proceed);
        this.#stall.cancel();
        if (!this.#hasEnded) this.#listen();
        resolve();
      };
      this.#response.on('drain', proceed);
      signal.addEventListener('abort', proceed);
    });
  }

  #listen(): void {
    if (this.#keepAlive > 0 && !this.#hasEnded) this.#silence.set(this.#clock.now() + this.#keepAlive);
  }

  #breakSilence(): void {
    if (this.#write(KEEP_ALIVE)) return;
    void this.#drained();
  }

  #end(reason: SinkEnd): void {
    if (this.#hasEnded) return;
    this.#finish();
    if (reason === 'client-stalled') this.#response.destroy();
    else if (reason !== 'client-closed') this.#response.end();
    this.#over.resolve(reason);
  }

  #fail(error: unknown): void {
    if (this.#hasEnded) return;
    this.#finish();
    this.#response.destroy();
    this.#over.reject(error);
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#silence.cancel();
    this.#stall.cancel();
    this.#gone.abort();
  }
}

async function leave(iterator: FeedIterator<SinkEvent>): Promise<void> {
  try {
    await iterator.return?.();
  } catch {
    // The sink is over; nobody is left to be told.
  }
}

/** Not every kind of response has every way to flush. */
function callIfThere(response: EventResponse, name: 'flush' | 'flushHeaders'): void {
  const method: unknown = Reflect.get(response, name);
  if (typeof method === 'function') method.call(response);
}

function setDefault(response: EventResponse, name: string, value: string): void {
  if (!response.hasHeader(name)) response.setHeader(name, value);
}

function period(name: string, value: number | undefined, otherwise: number): number {
  const milliseconds = value ?? otherwise;
  if (typeof milliseconds === 'number' && milliseconds >= 0) return milliseconds;
  throw new InvalidArgumentError(`${name} must be a number of milliseconds from 0, not ${String(value)}`);
}
