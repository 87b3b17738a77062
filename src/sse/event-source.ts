import type { TrunklineError } from '../errors/index.js';
import type { EventStreamOptions } from './options.js';
import { CLOSED, CONNECTING, EventStreamSession, OPEN, type ReadyState } from './session.js';

/** The `error` event of an {@link EventSource}: plain, as the text has it, with what went wrong beside it. */
export class EventSourceErrorEvent extends Event {
  /** Why: `EventStreamRefusedError`, `ConnectionLostError`, `IdleTimeoutError`, `LimitExceededError`. */
  readonly error: TrunklineError;

  constructor(error: TrunklineError) {
    super('error');
    this.error = error;
  }
}

/** How an {@link EventSource} connects. */
export interface EventSourceOptions extends EventStreamOptions {
  /** Sends cookies and HTTP authentication to other origins too, where the `fetch` has any. Default false. */
  readonly withCredentials?: boolean;
  /** What a relative URL is relative to. Default: `location.href` where that exists. */
  readonly baseURL?: string | URL;
}

/** An event of the stream: a `MessageEvent` whose data is text. */
export interface EventSourceMessageEvent extends Event {
  readonly data: string;
  /** Origin of the stream, after redirects. */
  readonly origin: string;
  readonly lastEventId: string;
}

type Handler<E extends Event> = ((this: EventSource, event: E) => unknown) | null;
type Listener<E extends Event> = ((this: EventSource, event: E) => unknown) | { handleEvent(event: E): unknown } | null;
type PlainListener = Parameters<EventTarget['addEventListener']>[1];
type HandledEvent = 'open' | 'message' | 'error';

/**
 * `EventSource` to the text of WHATWG HTML, 9.2, for Node.
 *
 * Two things a browser has are missing: there is no page whose origin CORS could protect, and `isTrusted` is false. The
 * id of the last event also marks the events of the next connection until the server sends another.
 */
export class EventSource extends EventTarget {
  static readonly CONNECTING: typeof CONNECTING = CONNECTING;
  static readonly OPEN: typeof OPEN = OPEN;
  static readonly CLOSED: typeof CLOSED = CLOSED;
  declare readonly CONNECTING: typeof CONNECTING;
  declare readonly OPEN: typeof OPEN;
  declare readonly CLOSED: typeof CLOSED;
  readonly #url: string;
  readonly #withCredentials: boolean;
  readonly #session: EventStreamSession;
  readonly #handlers = new Map<HandledEvent, (event: Event) => unknown>();

  /**
   * Connects at once.
   *
   * @throws DOMException `SyntaxError` for a URL that does not parse.
   * @throws InvalidArgumentError for options out of range.
   */
  constructor(url: string | URL, options: EventSourceOptions = {}) {
    super();
    this.#url = resolveURL(url, options.baseURL);
    this.#withCredentials = options.withCredentials === true;
    this.#session = new EventStreamSession(this.#url, this.#withCredentials, options, {
      opened: () => this.dispatchEvent(new Event('open')),
      event: ({ type, data, lastEventId }, origin) =>
        this.dispatchEvent(new MessageEvent(type, { data, lastEventId, origin })),
      lost: (error) => this.dispatchEvent(new EventSourceErrorEvent(error)),
      failed: (error) => this.dispatchEvent(new EventSourceErrorEvent(error)),
    });
    this.#session.start();
  }

  /** The absolute URL; redirects do not change it. */
  get url(): string {
    return this.#url;
  }

  get withCredentials(): boolean {
    return this.#withCredentials;
  }

  get readyState(): ReadyState {
    return this.#session.readyState;
  }

  get onopen(): Handler<Event> {
    return this.#handlers.get('open') ?? null;
  }

  set onopen(handler: Handler<Event>) {
    this.#handle('open', handler);
  }

  get onmessage(): Handler<EventSourceMessageEvent> {
    return this.#handlers.get('message') ?? null;
  }

  set onmessage(handler: Handler<EventSourceMessageEvent>) {
    this.#handle('message', handler);
  }

  get onerror(): Handler<EventSourceErrorEvent> {
    return this.#handlers.get('error') ?? null;
  }

  set onerror(handler: Handler<EventSourceErrorEvent>) {
    this.#handle('error', handler);
  }

  /** Ends everything, silently: nothing is dispatched any more, not even what had arrived. */
  close(): void {
    this.#session.close();
  }

  override addEventListener(type: 'open', listener: Listener<Event>, options?: ListenerOptions): void;
  override addEventListener(type: 'error', listener: Listener<EventSourceErrorEvent>, options?: ListenerOptions): void;
  override addEventListener(type: string, listener: Listener<EventSourceMessageEvent>, options?: ListenerOptions): void;
  override addEventListener(type: string, listener: Listener<never>, options?: ListenerOptions): void {
    super.addEventListener(type, listener as PlainListener, options);
  }

  override removeEventListener(type: string, listener: Listener<never>, options?: ListenerOptions): void {
    super.removeEventListener(type, listener as PlainListener, options);
  }

  /** An event handler attribute keeps the place among the listeners that it had when it was set first. */
  #handle(type: HandledEvent, handler: Handler<never>): void {
    const was = this.#handlers.has(type);
    if (typeof handler !== 'function') {
      this.#handlers.delete(type);
      super.removeEventListener(type, this.#callHandler);
      return;
    }
    this.#handlers.set(type, handler as (event: Event) => unknown);
    if (!was) super.addEventListener(type, this.#callHandler);
  }

  readonly #callHandler = (event: Event): void => {
    this.#handlers.get(event.type as HandledEvent)?.call(this, event);
  };
}

type ListenerOptions = boolean | { capture?: boolean; once?: boolean; passive?: boolean; signal?: AbortSignal };

const CONSTANT = { writable: false, enumerable: true, configurable: false } as const;
Object.defineProperties(EventSource.prototype, {
  CONNECTING: { value: CONNECTING, ...CONSTANT },
  OPEN: { value: OPEN, ...CONSTANT },
  CLOSED: { value: CLOSED, ...CONSTANT },
});

function resolveURL(url: string | URL, baseURL: string | URL | undefined): string {
  const base = baseURL ?? (globalThis as { location?: { href?: string } }).location?.href;
  try {
    return new URL(String(url), base).href;
  } catch {
    throw new DOMException(`${String(url)} is no URL`, 'SyntaxError');
  }
}
