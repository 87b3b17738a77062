import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import type { CloseReason, Status } from '../httpstream/index.js';

/** A terminal's size in character cells; both from 0 to 65,535. */
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}

/**
 * The subprotocol spoken, oldest to newest. The two base64 variants exist over WebSocket only, and are the first and the
 * fourth version in text messages.
 */
export type RemoteCommandProtocol =
  | 'channel.k8s.io'
  | 'v2.channel.k8s.io'
  | 'v3.channel.k8s.io'
  | 'v4.channel.k8s.io'
  | 'v5.channel.k8s.io'
  | 'base64.channel.k8s.io'
  | 'v4.base64.channel.k8s.io';

/** What a request asks for, parsed from its query. */
export interface RemoteCommandRequest {
  /** Program and arguments; empty for attach. */
  readonly command: readonly string[];
  readonly container: string | undefined;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

/** How a session ends: exit code 0 to 255, a failure before or beside the command, or a Status of one's own making. */
export type RemoteCommandResult = number | Error | Status;

/**
 * One exec or attach, whatever wire it came over. Streams that the client did not ask for are `undefined`.
 *
 * `stdin` ends when the client half-closes, and errors when the client is gone. What is written to `stdout` and `stderr`
 * respects backpressure; the streams end by themselves when the session finishes.
 */
export interface RemoteCommandSession {
  /** Program and arguments; empty for attach. */
  readonly command: readonly string[];
  /** Container that was asked for. */
  readonly container: string | undefined;
  /** Whether the client wants a terminal. `stderr` is then `undefined`: a terminal has one output. */
  readonly tty: boolean;
  readonly protocol: RemoteCommandProtocol;
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /**
   * Sizes as the client's terminal changes, the first at once; ends with the session. Empty without a terminal. Of sizes
   * that came while none was asked for, only the newest is kept.
   */
  readonly resizes: AsyncIterable<TerminalSize>;
  /** The request that was upgraded. */
  readonly req: IncomingMessage;
  /** Aborts when the client is gone or the session is over; the reason tells which. */
  readonly signal: AbortSignal;
  /** Settles when the connection is gone. */
  readonly closed: Promise<CloseReason>;
  /**
   * Flushes stdout and stderr, reports the result to the client, and ends the session. Only the first call counts.
   * Resolves when the client has everything or is gone; never rejects.
   */
  finish(result: RemoteCommandResult): Promise<void>;
}

/**
 * Serves one session. A returned number, Status or Error finishes it (`undefined` counts as 0 unless `finish` was
 * called); a thrown error finishes it as an internal error, whose message the client sees.
 */
export type RunRemoteCommand = (
  session: RemoteCommandSession,
) => RemoteCommandResult | undefined | void | Promise<RemoteCommandResult | undefined | void>;

/** What {@link remoteCommandHandler} returns: give it what `server.on('upgrade')` gave. Never throws. */
export type RemoteCommandHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** The four streams and the error stream of one session on some wire; what SPDY and WebSocket each provide. */
export interface RemoteCommandStreams {
  readonly protocol: RemoteCommandProtocol;
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  readonly resize: Readable | undefined;
  readonly error: Writable;
  /** Settles when the connection is gone. */
  readonly closed: Promise<CloseReason>;
  /** Says goodbye and closes within a deadline, after all that was written has been handed over. Never rejects. */
  close(): Promise<void>;
  /** Cuts the connection at once. */
  destroy(error?: Error): void;
}
