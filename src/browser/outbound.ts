import { COPY_BYTES } from '../bytes/frame-output.js';
import type { Clock } from '../clock/clock.js';
import type { Limits } from '../limits/limits.js';
import type { Machine } from '../wire/machine.js';
import { DrainWatch } from './drain-watch.js';
import type { PairStream } from './stream.js';
import type { WebSocketLike } from './web-socket.js';

/** Bytes of one message at most; their boundaries have no meaning. */
const MESSAGE_BYTES = 128 * 1024;
/** Microtasks without a new frame until frames are sent: a `WritableStream` takes some from one write to the next. */
const QUIET_MICROTASKS = 8;

interface PendingWrite {
  readonly stream: PairStream;
  readonly bytes: Uint8Array;
  readonly done: () => void;
  offset: number;
}

/**
 * The sending half of a connection: what streams write in one turn leaves in few messages. Beyond `limits.outboundBytes`
 * that the WebSocket holds streams wait, and then take turns frame by frame. Control frames go straight into the output,
 * never behind a stream that waits.
 */
export class Outbound {
  readonly #socket: WebSocketLike;
  readonly #machine: Machine<PairStream, Uint8Array>;
  readonly #limits: Limits;
  readonly #drain: DrainWatch;
  /** Those whose turn comes. */
  readonly #waiting = new Map<PairStream, PendingWrite>();
  /** Those that wait for the peer's window. */
  readonly #starved = new Map<PairStream, PendingWrite>();
  /** Writes that are framed without a copy: done once they are sent. */
  #lent: (() => void)[] = [];
  #scheduled = false;
  #closed = false;

  /** @param stalled is called when the WebSocket handed on no bytes for `limits.writeTimeout`. */
  constructor(
    socket: WebSocketLike,
    machine: Machine<PairStream, Uint8Array>,
    limits: Limits,
    clock: Clock,
    stalled: () => void,
  ) {
    this.#socket = socket;
    this.#machine = machine;
    this.#limits = limits;
    this.#drain = new DrainWatch(socket, clock, limits.writeTimeout, { stalled, progress: () => this.serve() });
  }

  /** Whether the WebSocket has bytes that it has not handed on. */
  get busy(): boolean {
    return this.#socket.bufferedAmount > 0 || this.#machine.output.length > 0;
  }

  write(stream: PairStream, bytes: Uint8Array, done: () => void): void {
    this.#waiting.set(stream, { stream, bytes, done, offset: 0 });
    this.serve();
  }

  /** The peer's window is open again. */
  writable(stream: PairStream): void {
    const pending = this.#starved.get(stream);
    if (pending === undefined) return;
    this.#starved.delete(stream);
    this.#waiting.set(stream, pending);
  }

  /** Forgets what a stream still had to send. */
  drop(stream: PairStream): void {
    this.#waiting.delete(stream);
    this.#starved.delete(stream);
  }

  /** Frames what there is room for. */
  serve(): void {
    if (this.#closed) return;
    while (this.#waiting.size > 0 && this.#hasRoom()) {
      for (const [stream, pending] of this.#waiting) {
        if (!this.#hasRoom()) break;
        this.#waiting.delete(stream);
        this.#sendFrame(pending);
      }
    }
    this.schedule();
    if (this.#waiting.size > 0) this.#drain.poll();
  }

  /** Makes sure that the output is sent in this turn. */
  schedule(): void {
    const { length } = this.#machine.output;
    if (this.#scheduled || this.#closed || length === 0) return;
    this.#scheduled = true;
    this.#flushWhenQuiet(length, QUIET_MICROTASKS);
  }

  /** Hands the output to the WebSocket, now. */
  flush(): void {
    if (this.#closed) return;
    const { output } = this.#machine;
    if (output.length > 0) {
      const { length } = output;
      sendParts(this.#socket, output.take());
      this.#drain.watch(length);
    }
    const lent = this.#lent;
    this.#lent = [];
    for (const done of lent) done();
  }

  /** Sends what is framed; streams that wait are not served any more. */
  finish(): void {
    this.flush();
    this.#closed = true;
    this.#waiting.clear();
    this.#starved.clear();
  }

  /** Lets go of timers. */
  close(): void {
    this.#closed = true;
    this.#drain.close();
  }

  #flushWhenQuiet(seen: number, patience: number): void {
    queueMicrotask(() => {
      const { length } = this.#machine.output;
      const grown = length > seen;
      if (length < MESSAGE_BYTES && (grown || patience > 0)) {
        this.#flushWhenQuiet(length, grown ? QUIET_MICROTASKS : patience - 1);
        return;
      }
      this.#scheduled = false;
      this.flush();
    });
  }

  #hasRoom(): boolean {
    return this.#socket.bufferedAmount + this.#machine.output.length < this.#limits.outboundBytes;
  }

  #sendFrame(pending: PendingWrite): void {
    const { stream, bytes, offset, done } = pending;
    const window = this.#machine.sendable(stream.wire);
    if (window === 0) {
      this.#starved.set(stream, pending);
      return;
    }
    const end = Math.min(bytes.length, offset + window, offset + this.#limits.maxDataFrameOut);
    this.#machine.data(stream.wire, bytes.subarray(offset, end));
    pending.offset = end;
    if (end < bytes.length) this.#waiting.set(stream, pending);
    else if (bytes.length <= COPY_BYTES) done();
    else this.#lent.push(done);
  }
}

/** Copies the parts into messages: each `send` has its price, and memory shared with workers is refused. */
function sendParts(socket: WebSocketLike, parts: readonly Uint8Array[]): void {
  let rest = parts.reduce((sum, { length }) => sum + length, 0);
  let message = new Uint8Array(Math.min(rest, MESSAGE_BYTES));
  let filled = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length;) {
      const piece = part.subarray(at, at + message.length - filled);
      message.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < message.length) continue;
      socket.send(message);
      rest -= filled;
      filled = 0;
      message = new Uint8Array(Math.min(rest, MESSAGE_BYTES));
    }
  }
}
