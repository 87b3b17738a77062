import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { ResetReason } from '../errors/index.js';
import type { CloseReason } from './close-reason.js';
import type { HeadersInit, StreamHeaders } from './headers.js';
import type { ProxyOption } from './proxy-option.js';

/**
 * One bidirectional stream of a {@link Connection}: a Node `Duplex` with headers.
 *
 * `end()` is the half-close; `'end'` means that the peer half-closed. A stream that the peer reset, or whose connection
 * was lost, first delivers what had arrived and then errors with `StreamResetError`, `ConnectionLostError` or
 * `IdleTimeoutError`: an orderly end and an abort never look alike. Every stream has a default error listener, so a
 * failed stream never ends the process. Leaving a `for await` early resets the stream; reading to the end
 * leaves the other direction open, unlike other Node streams.
 *
 * Headers that the peer sends after opening (SPDY HEADERS frames; at most `limits.maxHeaderFramesPerStream`) come as a
 * `'headers'` event with a `StreamHeaders`; `headers` stays as it was.
 */
export interface Stream extends Duplex {
  /** The id on the wire (`Identifier()` of the original). */
  readonly id: number;
  /** Headers that the stream was opened with. */
  readonly headers: StreamHeaders;
  /** Settles when the peer has accepted the stream; rejects when it refused, or on reset or loss before that. */
  readonly accepted: Promise<void>;
  /** Ends both directions at once, tells the peer, and drops local buffers. Default reason: `cancel`. */
  reset(reason?: ResetReason): void;
}

/** A stream that the peer opened, as given to a {@link NewStreamHandler}. */
export interface IncomingStream extends Stream {
  /** Call before the handler returns to decide later, by `accept()` or `refuse()`. */
  deferReply(): void;
  /** Accepts a deferred stream. Does nothing when the reply is already sent. */
  accept(): void;
  /**
   * Refuses the stream: the peer's `accepted` rejects with StreamResetError. `message` becomes part of that error's
   * message where the wire can carry it: on yamux with headers; cut at 1,024 characters. Default reason: `cancel`. Does
   * nothing when the reply is already sent.
   */
  refuse(reason?: ResetReason, message?: string): void;
}

/**
 * Called synchronously for each stream that the peer opens.
 *
 * Throwing refuses the stream. Returning accepts it at once; a returned promise is the serving of the stream, and if it
 * rejects later the stream is reset. To decide later, call `stream.deferReply()` before returning.
 * `replySent` resolves when the reply is on its way to the peer, and rejects when the stream was refused or lost first.
 */
export type NewStreamHandler = (stream: IncomingStream, replySent: Promise<void>) => void | Promise<void>;

/** An upgraded HTTP connection that carries many streams. */
export interface Connection extends AsyncDisposable {
  /**
   * Opens a stream and resolves when the peer accepted it.
   *
   * The answer is read in turn. On a wire without flow control, while another stream of this connection lies unread
   * beyond `limits.streamBufferBytes` nothing is read: under the stall policy `pause` the wait then lasts until that
   * stream is read, or ends in TimeoutError.
   *
   * @throws StreamResetError when refused; TimeoutError after `limits.createTimeout`; ConnectionLostError; an abort
   * reason; StreamsExhaustedError; InvalidArgumentError for headers that the wire cannot carry.
   */
  createStream(headers: HeadersInit, options?: { readonly signal?: AbortSignal }): Promise<Stream>;
  /** Opens a stream and returns it at once. On SPDY its writes wait for the peer's reply; on yamux they do not. Throws as `createStream`. */
  openStream(headers: HeadersInit): Stream;
  /** Resets all streams, says goodbye, and settles within `limits.closeTimeout`. Never rejects. */
  close(): Promise<void>;
  /** Settles when the underlying connection is gone (`CloseChan()` of the original). Never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Closes the connection after this many milliseconds without activity; 0 clears. Pings do not count, except by option. */
  setIdleTimeout(milliseconds: number): void;
  /** Forgets streams without resetting them; `undefined` is tolerated. Finished streams are forgotten by themselves. */
  removeStreams(...streams: readonly (Stream | undefined)[]): void;
  /** Measures the round trip to the peer, in milliseconds. Rejects with ConnectionLostError or the abort reason. */
  ping(options?: { readonly signal?: AbortSignal }): Promise<number>;
  /** Streams that are open and not removed, by id. */
  readonly streams: ReadonlyMap<number, Stream>;
}

/** Upgrades a server's response so that the connection carries streams. */
export interface ResponseUpgrader {
  /** Whether the request asks for what this one offers. */
  accepts(req: IncomingMessage): boolean;
  /**
   * Answers an upgrade request, as got from `server.on('upgrade', (req, socket, head) => …)`.
   * `undefined`: the request was not acceptable, and the error response has been sent. `headers` go into the 101.
   */
  upgradeResponse(
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    newStreamHandler: NewStreamHandler,
    headers?: HeadersInit,
  ): Connection | undefined;
}

/** Opens the underlying connection of an upgrade request: a TCP or TLS socket, or anything like one. */
export type Dialer = (target: {
  readonly url: URL;
  readonly tls: TlsConnectionOptions | undefined;
  readonly signal: AbortSignal;
}) => Promise<Duplex>;

/** What to upgrade, and how to get there. */
export interface UpgradeRequest {
  /** `http:` or `https:` address. Credentials in it become an Authorization header and are never shown in errors. */
  readonly url: string | URL;
  /** Default `POST`, as the original's clients send. */
  readonly method?: string;
  /** Additional request headers. */
  readonly headers?: HeadersInit;
  /** Values of `X-Stream-Protocol-Version`, most preferred first. */
  readonly protocols?: readonly string[];
  /** Client certificate, custom CA and other TLS settings. */
  readonly tls?: TlsConnectionOptions;
  /** Replaces the built-in TCP and TLS dialling; a returned socket must already be secured where `url` is `https:`. */
  readonly dialer?: Dialer;
  /** Proxy to go through; not together with `dialer`. Default: none, whatever the environment says. */
  readonly proxy?: ProxyOption | undefined;
  /** TLS settings towards an `https:` proxy; those of `tls` are for the server only. Default: Node's, with its CAs. */
  readonly proxyTls?: TlsConnectionOptions | undefined;
  /** Cancels the request at any step until the connection exists. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the answer must be there. Default `limits.upgradeTimeout`. */
  readonly timeout?: number;
}

/** The answer to an upgrade request, with its socket. */
export interface UpgradeResponse {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly headers: IncomingHttpHeaders;
  /** The first bytes behind the header of a 101. */
  readonly head: Buffer;
  /** The socket of a 101. For any other status it is closed and `undefined`. */
  readonly socket: Duplex | undefined;
  /** The body of any other status, cut at `limits.errorBodyBytes`. */
  readonly body: Buffer;
}

/** A client's side of the upgrade. */
export interface UpgradeRoundTripper {
  /** Sends the request and resolves with the answer, whatever its status. Redirects are not followed. */
  roundTrip(request: UpgradeRequest): Promise<UpgradeResponse>;
  /** Turns a 101 into a connection. Throws UpgradeFailureError with the server's status and message otherwise. */
  newConnection(response: UpgradeResponse): Connection;
  /** Both in one; `protocol` is the one the server chose, or the empty string. */
  dial(request: UpgradeRequest): Promise<{ connection: Connection; protocol: string }>;
}
