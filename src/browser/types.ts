import type { ResetReason } from '../errors/index.js';
import type { CloseReason } from '../httpstream/close-reason.js';
import type { HeadersInit, StreamHeaders } from '../httpstream/headers.js';

/**
 * One bidirectional stream of a {@link BrowserConnection}: a pair of WHATWG streams with headers.
 *
 * Closing `writable` is the half-close; the end of `readable` means that the peer half-closed. A stream that the peer
 * reset, or whose connection was lost, first delivers what had arrived and then errors with `StreamResetError` or
 * `ConnectionLostError`: an orderly end and an abort never look alike. `cancel()` of `readable`, which leaving a
 * `for await` early calls too, and `abort()` of `writable` reset the stream in both directions.
 */
export interface BrowserStream {
  /** The id on the wire. */
  readonly id: number;
  /** Headers that the stream was opened with. */
  readonly headers: StreamHeaders;
  /** Settles when the peer has accepted the stream; rejects when it refused, or on reset or loss before that. */
  readonly accepted: Promise<void>;
  /**
   * What the peer sends. Its window opens again only by what is read, so that an unread stream holds no more than one
   * window. Each chunk has memory of its own, which may be transferred.
   */
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  /**
   * What the peer gets. A write waits for the peer's window and for the WebSocket to have room; a chunk must not be
   * changed before its write has resolved. Takes what `fetch` takes as bytes: any `ArrayBufferView` or `ArrayBuffer`.
   */
  readonly writable: WritableStream<Uint8Array>;
  /** Ends both directions at once, tells the peer, and drops local buffers. Default reason: `cancel`. */
  reset(reason?: ResetReason): void;
}

/** A stream that the server opened, as given to a {@link BrowserStreamHandler}. */
export interface IncomingBrowserStream extends BrowserStream {
  /** Call before the handler returns to decide later, by `accept()` or `refuse()`. */
  deferReply(): void;
  /** Accepts a deferred stream. Does nothing when the reply is already sent. */
  accept(): void;
  /** Refuses the stream; the peer is told the reason and the message. Does nothing when the reply is already sent. */
  refuse(reason?: ResetReason, message?: string): void;
}

/**
 * Called synchronously for each stream that the server opens.
 *
 * Throwing refuses the stream. Returning accepts it at once; a returned promise is the serving of the stream, and if it
 * rejects later the stream is reset. To decide later, call `stream.deferReply()` before returning.
 * `replySent` resolves when the reply is on its way to the peer, and rejects when the stream was refused or lost first.
 */
export type BrowserStreamHandler = (stream: IncomingBrowserStream, replySent: Promise<void>) => void | Promise<void>;

/** A WebSocket that carries many streams: the `Connection` of the browser build. */
export interface BrowserConnection {
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  /**
   * Opens a stream and resolves when the peer accepted it.
   *
   * @throws StreamResetError when refused; TimeoutError after `limits.createTimeout`; ConnectionLostError; an abort
   * reason; StreamsExhaustedError; InvalidArgumentError for headers that the wire cannot carry.
   */
  createStream(headers?: HeadersInit, options?: { readonly signal?: AbortSignal }): Promise<BrowserStream>;
  /** Opens a stream and returns it at once; writes travel without waiting for the reply. Throws as `createStream`. */
  openStream(headers?: HeadersInit): BrowserStream;
  /** Resets all streams, says goodbye, and settles within `limits.closeTimeout`. Never rejects. */
  close(): Promise<void>;
  /** Settles when the WebSocket is gone. Never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Measures the round trip to the peer, in milliseconds. Rejects with ConnectionLostError or the abort reason. */
  ping(options?: { readonly signal?: AbortSignal }): Promise<number>;
  /** Streams that are open, by id. */
  readonly streams: ReadonlyMap<number, BrowserStream>;
}
