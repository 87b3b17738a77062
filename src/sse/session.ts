import { Alarm } from '../clock/alarm.js';
import { systemClock, type Clock, type Timer } from '../clock/clock.js';
import { deferred } from '../clock/deferred.js';
import {
  ConnectionLostError,
  IdleTimeoutError,
  InvalidArgumentError,
  LimitExceededError,
  type TrunklineError,
} from '../errors/index.js';
import { EventStreamRefusedError } from './errors.js';
import { isEventStreamType } from './mime.js';
import type { EventStreamOptions } from './options.js';
import { EventStreamParser, type ParsedEvent } from './parser.js';
import { ReconnectDelay } from './reconnect-delay.js';
import { refusalReason } from './refusal-reason.js';
import { fetchInit } from './request.js';

export const CONNECTING = 0;
export const OPEN = 1;
export const CLOSED = 2;
/** State of a client: {@link CONNECTING}, {@link OPEN} or {@link CLOSED}. */
export type ReadyState = typeof CONNECTING | typeof OPEN | typeof CLOSED;

/** What a session tells its owner. After `close()` none of it is called. */
export interface SessionHandlers {
  readonly opened: () => void;
  readonly event: (event: ParsedEvent, origin: string) => void;
  /** The stream was lost, or an attempt failed; the next follows after a while, unless the handler closes. */
  readonly lost: (error: TrunklineError) => void;
  /** The session is closed, because asking again is no use. */
  readonly failed: (error: TrunklineError) => void;
  /** What to wait for before more is read. */
  readonly room?: () => Promise<void> | undefined;
}

const FETCHED_SCHEMES: ReadonlySet<string> = new Set(['http:', 'https:', 'data:', 'blob:']);

/**
 * One event stream and its reconnects (WHATWG HTML, 9.2.2 and 9.2.3), without the events of a DOM.
 *
 * The requests are made by `fetch`, not by `node:http`, because the text is written in terms of it and the rules come with
 * it: redirects of every kind, with credentials dropped on the way to another origin (C5); `no-store` sent as `no-cache`
 * (C1); Last-Event-ID as a byte string, so that UTF-8 arrives as it is (C6); decompression; a final URL for the origin of
 * events (P10); a body that is read only as fast as it is taken. And a test or a proxy can stand in its place.
 */
export class EventStreamSession {
  readonly #url: string;
  readonly #credentials: 'include' | 'same-origin';
  readonly #options: EventStreamOptions;
  readonly #handlers: SessionHandlers;
  readonly #clock: Clock;
  readonly #parser: EventStreamParser;
  readonly #delay: ReconnectDelay;
  readonly #idle: number;
  readonly #watchdog: Alarm;
  readonly #onAbort = (): void => this.close();
  #state: ReadyState = CONNECTING;
  #reconnectTime: number;
  #origin = '';
  #events = 0;
  #openedAt: number | undefined;
  #request = new AbortController();
  #timedOut: IdleTimeoutError | undefined;
  #endPause: (() => void) | undefined;

  /** @throws InvalidArgumentError for options out of range. */
  constructor(url: string, withCredentials: boolean, options: EventStreamOptions, handlers: SessionHandlers) {
    this.#url = url;
    this.#credentials = withCredentials ? 'include' : 'same-origin';
    this.#options = options;
    this.#handlers = handlers;
    this.#clock = options.clock ?? systemClock;
    this.#reconnectTime = period('reconnectTime', options.reconnectTime ?? 3_000);
    this.#idle = period('idleTimeout', options.idleTimeout ?? 0);
    const backoff = options.backoff ?? {};
    this.#delay = new ReconnectDelay(backoff === false ? { factor: 1 } : backoff);
    if (typeof options.headers !== 'function') checkHeaders(options.headers);
    this.#watchdog = new Alarm(this.#clock, () => this.#timeOut());
    this.#parser = new EventStreamParser(
      { event: (event) => this.#dispatch(event), retry: (milliseconds) => (this.#reconnectTime = milliseconds) },
      {
        ...(options.limits === undefined ? {} : { limits: options.limits }),
        ...(options.lastEventId === undefined ? {} : { lastEventId: options.lastEventId }),
      },
    );
  }

  get readyState(): ReadyState {
    return this.#state;
  }

  /** Milliseconds, as the server set them or the options. */
  get reconnectTime(): number {
    return this.#reconnectTime;
  }

  get lastEventId(): string {
    return this.#parser.lastEventId;
  }

  /** Begins; nothing is called before the caller's turn is over. */
  start(): void {
    const { signal } = this.#options;
    if (signal?.aborted === true) return this.close();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    queueMicrotask(() => void this.#run());
  }

  /** Ends the request or the wait for the next one, at once and silently. */
  close(): void {
    this.#state = CLOSED;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#watchdog.cancel();
    this.#endPause?.();
    this.#request.abort();
  }

  async #run(): Promise<void> {
    while (this.#state !== CLOSED) {
      const error = await this.#attempt();
      if (this.#isClosed()) return;
      if (isFinal(error)) {
        this.close();
        return this.#handlers.failed(error);
      }
      const lasted = this.#openedAt === undefined ? -1 : this.#clock.now() - this.#openedAt;
      this.#delay.ended(lasted, this.#events > 0);
      this.#state = CONNECTING;
      this.#handlers.lost(error);
      if (!this.#isClosed()) await this.#pause(this.#delay.next(this.#reconnectTime));
    }
  }

  /** One request and its stream, up to what ended it. */
  async #attempt(): Promise<TrunklineError> {
    const request = new AbortController();
    this.#request = request;
    this.#timedOut = undefined;
    this.#openedAt = undefined;
    this.#events = 0;
    // Whatever a `fetch` or a `headers` of the caller's makes of the signal, the attempt is over with it.
    const aborted = deferred<never>();
    request.signal.addEventListener('abort', () => aborted.reject(request.signal.reason), { once: true });
    try {
      return await Promise.race([this.#follow(request.signal), aborted.promise]);
    } catch (error) {
      if (this.#timedOut !== undefined) return this.#timedOut;
      if (error instanceof LimitExceededError || error instanceof InvalidArgumentError) return error;
      return new ConnectionLostError(`the event stream was lost: ${messageOf(error)}`, { cause: error });
    } finally {
      this.#watchdog.cancel();
      // What is left of a body that nobody will read.
      request.abort();
      this.#parser.end();
    }
  }

  /** Makes the request and reads the stream; does no more once the signal is aborted. */
  async #follow(signal: AbortSignal): Promise<TrunklineError> {
    if (!FETCHED_SCHEMES.has(new URL(this.#url).protocol)) {
      return new InvalidArgumentError(`no event stream can be fetched from ${this.#url}`);
    }
    this.#watch();
    const init = await fetchInit(this.#options, this.#credentials, this.#parser.lastEventId, signal);
    signal.throwIfAborted();
    const response = await (this.#options.fetch ?? fetch)(this.#url, init);
    signal.throwIfAborted();
    const contentType = response.headers.get('content-type') ?? '';
    if (response.status !== 200 || !isEventStreamType(contentType)) {
      const reason = response.status === 200 ? '' : await refusalReason(response, this.#clock);
      signal.throwIfAborted();
      return new EventStreamRefusedError(response.status, contentType, reason);
    }
    this.#origin = new URL(response.url === '' ? this.#url : response.url).origin;
    this.#openedAt = this.#clock.now();
    this.#state = OPEN;
    this.#handlers.opened();
    if (response.body !== null) await this.#read(response.body.getReader(), signal);
    return new ConnectionLostError('the event stream ended', { initiator: 'remote' });
  }

  async #read(reader: BodyReader, signal: AbortSignal): Promise<void> {
    for (;;) {
      const room = this.#handlers.room?.();
      if (room !== undefined) {
        // What we do not read cannot show whether the peer is there.
        this.#watchdog.cancel();
        await room;
      }
      signal.throwIfAborted();
      this.#watch();
      const { done, value } = await reader.read();
      signal.throwIfAborted();
      if (done) return;
      this.#parser.feed(value);
    }
  }

  #dispatch(event: ParsedEvent): void {
    if (this.#isClosed()) return;
    this.#events += 1;
    this.#handlers.event(event, this.#origin);
  }

  #watch(): void {
    if (this.#idle > 0) this.#watchdog.set(this.#clock.now() + this.#idle);
  }

  #timeOut(): void {
    this.#timedOut = new IdleTimeoutError(`nothing arrived on the event stream for ${this.#idle} ms`);
    this.#request.abort(this.#timedOut);
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer: Timer = this.#clock.setTimeout(resolve, milliseconds);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  /** Handlers and other turns may have closed; the compiler cannot know. */
  #isClosed(): boolean {
    return this.#state === CLOSED;
  }
}

/** The part of a body's reader that is used here. */
interface BodyReader {
  read(): Promise<{ done: false; value: Uint8Array } | { done: true; value?: Uint8Array | undefined }>;
}

/** Whether the same request would fail in the same way. */
function isFinal(error: TrunklineError): boolean {
  return (
    error instanceof EventStreamRefusedError ||
    error instanceof LimitExceededError ||
    error instanceof InvalidArgumentError
  );
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function period(name: string, value: number): number {
  if (typeof value === 'number' && value >= 0) return value;
  throw new InvalidArgumentError(`${name} must be a number of milliseconds from 0, not ${String(value)}`);
}

function checkHeaders(headers: NonNullable<RequestInit['headers']> | undefined): void {
  try {
    void new Headers(headers);
  } catch (error) {
    throw new InvalidArgumentError(`unusable headers: ${messageOf(error)}`, { cause: error });
  }
}
