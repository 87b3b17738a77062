import { InvalidArgumentError, type TrunklineError } from '../errors/index.js';
import { Channel } from './channel.js';
import type { EventStreamOptions } from './options.js';
import { MESSAGE_TYPE, type ParsedEvent } from './parser.js';
import { CLOSED, CONNECTING, EventStreamSession, type ReadyState } from './session.js';

/** {@link SSEClientOptions.want}: the error that closed the client, which is kept unasked too. */
export const WANT_ERRORS = 1;
/** {@link SSEClientOptions.want}: `true` when the stream opens, `false` when it is over. */
export const WANT_OPEN_CLOSE = 2;
/** {@link SSEClientOptions.want}: events of type `message`. */
export const WANT_MESSAGES = 4;

/** An event that an {@link SSEClient} read. */
export interface SSEEvent extends ParsedEvent {
  /** Origin of the stream, after redirects. */
  readonly origin: string;
}

/** How an {@link SSEClient} works. */
export interface SSEClientOptions extends EventStreamOptions {
  /**
   * Kinds to keep from the beginning, added up; 0 for none. Default `WANT_MESSAGES`, until {@link SSEClient.events} is
   * called. Iterating over a kind asks for it too.
   */
  readonly want?: number;
  /** Milliseconds until a lost stream is asked for again, unless the server says otherwise. Default 1,000. */
  readonly reconnectTime?: number;
  /** Unread events of one iterable, at which the stream is not read on; a piece that was read is taken whole. Default 64. */
  readonly maxUnread?: number;
}

/** Errors, opens and closes kept for who does not read them; older ones go. */
const KEPT_NOTICES = 16;

/**
 * A client of one event stream with the shape of samv/sse for Go, whose channels are async iterables here. It follows
 * the WHATWG text as {@link EventSource} does, with one difference that it has from the original: an attempt that fails
 * before the stream was ever open closes the client with an error, so that its caller learns of a wrong address. After
 * that, a lost stream is asked for again until `close()`.
 *
 * Events that nobody reads hold up the stream once there are `maxUnread`, which the server notices; errors, opens and
 * closes never do. An iteration ends when the client is closed and what it had read is taken.
 */
export class SSEClient {
  /** Events of type `message`. */
  readonly messages: AsyncIterable<SSEEvent>;
  /** The error that closed the client; `reopen()` may follow. */
  readonly errors: AsyncIterable<TrunklineError>;
  /** `true` for each opening of the stream, `false` for each end of one. */
  readonly opens: AsyncIterable<boolean>;
  readonly #options: SSEClientOptions;
  readonly #maxUnread: number;
  #want: number;
  /** Messages are kept by default only, and nobody read any. */
  #byDefault: boolean;
  #url: URL | undefined;
  #session: EventStreamSession | undefined;
  #isOpen = false;
  readonly #messages: Channel<SSEEvent>;
  readonly #errors = new Channel<TrunklineError>(KEPT_NOTICES);
  readonly #opens = new Channel<boolean>(KEPT_NOTICES);
  readonly #subscriptions = new Set<Subscription>();
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = (): void => this.close();

  /** @throws InvalidArgumentError for options out of range. */
  constructor(options: SSEClientOptions = {}) {
    const { want = WANT_MESSAGES, maxUnread = 64, signal, ...others } = options;
    if (!Number.isInteger(want) || want < 0 || want > (WANT_ERRORS | WANT_OPEN_CLOSE | WANT_MESSAGES)) {
      throw new InvalidArgumentError(`want must be a sum of WANT_ERRORS, WANT_OPEN_CLOSE and WANT_MESSAGES`);
    }
    if (!Number.isSafeInteger(maxUnread) || maxUnread < 1) {
      throw new InvalidArgumentError(`maxUnread must be a whole number above 0, not ${String(maxUnread)}`);
    }
    this.#options = { reconnectTime: 1_000, ...others };
    this.#signal = signal;
    this.#maxUnread = maxUnread;
    this.#want = want;
    this.#byDefault = options.want === undefined;
    // Finds bad options now.
    this.#newSession('http://localhost');
    this.#messages = new Channel<SSEEvent>(maxUnread);
    this.messages = this.#iterable(WANT_MESSAGES, this.#messages);
    this.errors = this.#iterable(WANT_ERRORS, this.#errors);
    this.opens = this.#iterable(WANT_OPEN_CLOSE, this.#opens);
  }

  /** `CONNECTING` also before {@link getStream}. */
  get readyState(): ReadyState {
    return this.#session?.readyState ?? CONNECTING;
  }

  /** Milliseconds until a lost stream is asked for again, as the server set them or the options. */
  get reconnectTime(): number {
    return this.#session?.reconnectTime ?? this.#options.reconnectTime ?? 1_000;
  }

  /** The id that the next attempt resumes from. */
  get lastEventId(): string {
    return this.#session?.lastEventId ?? this.#options.lastEventId ?? '';
  }

  /** What {@link getStream} was given. */
  get url(): URL | undefined {
    return this.#url;
  }

  /**
   * Starts to follow a stream, or another one once the client is closed.
   *
   * @throws InvalidArgumentError for a URL that does not parse, or when the client follows a stream already.
   */
  getStream(url: string | URL): void {
    if (this.#session !== undefined && this.#session.readyState !== CLOSED) {
      throw new InvalidArgumentError('the client follows a stream already');
    }
    try {
      this.#url = new URL(url);
    } catch (error) {
      throw new InvalidArgumentError(`${String(url)} is no URL`, { cause: error });
    }
    this.#start(this.#url, undefined);
  }

  /** Events of these types, or of every type when none is given, from now until the client is closed. */
  events(...types: readonly string[]): AsyncIterable<SSEEvent> {
    if (this.#byDefault) {
      // Who reads here and not there must not be held up by what piles up there.
      this.#byDefault = false;
      this.#want &= ~WANT_MESSAGES;
      this.#messages.clear();
    }
    const channel = new Channel<SSEEvent>(this.#maxUnread);
    const wanted = types.length === 0 ? undefined : new Set(types);
    const subscription = { channel, wanted };
    this.#subscriptions.add(subscription);
    return {
      [Symbol.asyncIterator]: () => {
        const iterator = channel[Symbol.asyncIterator]();
        return {
          next: () => iterator.next(),
          return: async () => {
            this.#subscriptions.delete(subscription);
            channel.close();
            return { done: true, value: undefined };
          },
        };
      },
    };
  }

  /** Ends the stream and, once what is left was read, every iteration. */
  close(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#session?.close();
    this.#over();
    for (const channel of [this.#messages, this.#errors, this.#opens]) channel.close();
    for (const { channel } of this.#subscriptions) channel.close();
    this.#subscriptions.clear();
  }

  /** Follows the stream again after the client was closed, from the last id on. Otherwise it does nothing. */
  reopen(): void {
    const session = this.#session;
    if (session === undefined || this.#url === undefined || session.readyState !== CLOSED) return;
    this.#start(this.#url, session.lastEventId);
  }

  #start(url: URL, lastEventId: string | undefined): void {
    for (const channel of [this.#messages, this.#errors, this.#opens]) channel.reopen();
    this.#session = this.#newSession(url.href, lastEventId);
    if (this.#signal?.aborted === true) return this.close();
    this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#session.start();
  }

  #newSession(url: string, lastEventId?: string): EventStreamSession {
    let everOpen = false;
    const options = lastEventId === undefined ? this.#options : { ...this.#options, lastEventId };
    return new EventStreamSession(url, false, options, {
      opened: () => {
        everOpen = true;
        this.#isOpen = true;
        if (this.#wants(WANT_OPEN_CLOSE)) this.#opens.pushLatest(true);
      },
      event: (event, origin) => this.#emit({ ...event, origin }),
      lost: (error) => {
        this.#over();
        if (!everOpen) this.#fail(error);
      },
      failed: (error) => {
        this.#over();
        this.#fail(error);
      },
      room: () => this.#room(),
    });
  }

  #emit(event: SSEEvent): void {
    if (event.type === MESSAGE_TYPE && this.#wants(WANT_MESSAGES)) this.#messages.push(event);
    for (const { channel, wanted } of this.#subscriptions) {
      if (wanted === undefined || wanted.has(event.type)) channel.push(event);
    }
  }

  #room(): Promise<void> | undefined {
    const waits = [this.#messages, ...[...this.#subscriptions].map(({ channel }) => channel)]
      .map((channel) => channel.room())
      .filter((wait) => wait !== undefined);
    return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined);
  }

  #over(): void {
    if (this.#isOpen && this.#wants(WANT_OPEN_CLOSE)) this.#opens.pushLatest(false);
    this.#isOpen = false;
  }

  #fail(error: TrunklineError): void {
    this.#errors.pushLatest(error);
    this.close();
  }

  #wants(kind: number): boolean {
    return (this.#want & kind) !== 0;
  }

  #iterable<T>(kind: number, channel: Channel<T>): AsyncIterable<T> {
    return {
      [Symbol.asyncIterator]: () => {
        this.#want |= kind;
        if (kind === WANT_MESSAGES) this.#byDefault = false;
        return channel[Symbol.asyncIterator]();
      },
    };
  }
}

interface Subscription {
  readonly channel: Channel<SSEEvent>;
  readonly wanted: ReadonlySet<string> | undefined;
}
