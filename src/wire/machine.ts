import type { FrameOutput } from '../bytes/frame-output.js';
import type { ProtocolError, ResetReason } from '../errors/index.js';
import type { HeaderEntries } from './headers.js';

/**
 * Where a stream is in its life, as the wire sees it:
 *
 * ```
 * opening ── reply ──► open ── both ends ──► closed
 *    └──────────── reset, refusal ─────────────▲
 * offered ── our reply ─► open                 │
 *    └──────────── reset, refusal ─────────────┘
 * ```
 */
export type WireStreamState = 'opening' | 'offered' | 'open' | 'closed';

/** A machine's record of a stream. `owner` belongs to whoever drives the machine. */
export interface WireStream<Owner> {
  readonly id: number;
  /** Whether the peer opened it. */
  readonly inbound: boolean;
  readonly state: WireStreamState;
  /** Whether we sent FIN. */
  readonly localEnded: boolean;
  /** Whether the peer sent FIN. */
  readonly remoteEnded: boolean;
  owner: Owner | undefined;
}

/** What a machine tells its driver while it reads. Called synchronously, in wire order. */
export interface MachineEvents<Owner, Bytes extends Uint8Array = Buffer> {
  /** The peer opens a stream. The driver accepts or refuses it, now or later. */
  streamOpened(stream: WireStream<Owner>, headers: ReadonlyMap<string, readonly string[]>): void;
  /** The peer accepted a stream of ours. */
  streamAccepted(stream: WireStream<Owner>): void;
  /** More headers on an open stream. */
  streamHeaders(stream: WireStream<Owner>, headers: ReadonlyMap<string, readonly string[]>): void;
  /** Bytes of a stream, a view into what was received. */
  streamData(stream: WireStream<Owner>, chunk: Bytes): void;
  /** The peer's FIN. */
  streamEnded(stream: WireStream<Owner>): void;
  /** The peer's window, which had been used up, is open again. */
  streamWritable(stream: WireStream<Owner>): void;
  /** The stream is gone in both directions, by the peer's doing. `message` is what the peer said about it, if anything. */
  streamReset(stream: WireStream<Owner>, reason: ResetReason, message?: string): void;
  /** The stream is over on the wire, for whatever cause; comes once, after the events above. */
  streamClosed(stream: WireStream<Owner>): void;
  /** The answer to the ping of this id. */
  pong(id: number): void;
  /**
   * The peer takes no more streams; those of ours above `lastId` it has not seen. With `error` it gives up the
   * connection, because of that.
   */
  goneAway(lastId: number, error?: ProtocolError): void;
}

/** A wire protocol without I/O: bytes and the time in, events and bytes out. */
export interface Machine<Owner, Bytes extends Uint8Array = Buffer> {
  /** Whether each stream has a window of its own, so that an unread one is never in the way of the others. */
  readonly flowControl: boolean;
  /** Whether streams of ours may send before the peer has answered. */
  readonly earlyData: boolean;
  /** Bytes to send. */
  readonly output: FrameOutput<Bytes>;
  /** How many control frames were put into `output` or already taken since the driver last set this to 0. */
  pendingControlFrames: number;
  /** When the control frame or frame head being received began; `undefined` between frames and inside data. */
  readonly frameBegan: number | undefined;
  /** Counts frames that are activity of their user: all but pings. Wraps never in practice. */
  readonly activity: number;
  /**
   * Reads from `chunk` at `offset` and returns how far it got: to the end, or to where {@link pause} was called.
   *
   * @throws ProtocolError or LimitExceededError: the connection cannot go on. A goodbye is in `output`.
   */
  receive(chunk: Bytes, offset: number, now: number): number;
  /**
   * Makes a running `receive` return after the current event. `receive` also returns early, by itself, when
   * `pendingControlFrames` reaches `limits.maxPendingControlFrames`.
   */
  pause(): void;
  /** Opens a stream. Throws InvalidArgumentError or StreamsExhaustedError, and then nothing has changed. */
  open(headers: HeaderEntries, owner: Owner): WireStream<Owner>;
  accept(stream: WireStream<Owner>): void;
  /** Refuses a stream that the peer opened. `message` is for the peer, where the wire can carry it. */
  refuse(stream: WireStream<Owner>, reason: ResetReason, message?: string): void;
  /** How many bytes of data the peer's window leaves now. */
  sendable(stream: WireStream<Owner>): number;
  /** Sends one data frame, of at most `limits.maxDataFrameOut` and {@link sendable} bytes. */
  data(stream: WireStream<Owner>, payload: Bytes): void;
  /** The application has taken this many bytes of what the stream received: the peer may send as many again. */
  consumed(stream: WireStream<Owner>, bytes: number, now: () => number): void;
  /** Sends FIN. */
  end(stream: WireStream<Owner>): void;
  /** Ends the stream in both directions and tells the peer. Does nothing once it is closed. */
  reset(stream: WireStream<Owner>, reason: ResetReason): void;
  /** As {@link reset}, at the peer's expense: it broke a rule. Throws LimitExceededError when it did so too often. */
  violated(stream: WireStream<Owner>, reason: ResetReason): void;
  /** Sends a ping and returns its id. */
  ping(): number;
  /** Says goodbye: from now on streams that the peer opens are ignored. */
  goAway(code?: GoAwayCode): void;
  /** Lets go of what is not memory. Nothing may be called afterwards. */
  close(): void;
}

/** Why a goodbye is said, besides the breach of a rule, which a machine reports itself. */
export type GoAwayCode = 'normal' | 'internal-error';
