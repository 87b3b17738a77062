import type { Duplex } from 'node:stream';
import { COPY_BYTES } from '../bytes/frame-output.js';
import type { Clock } from '../clock/clock.js';
import { Alarm } from '../clock/alarm.js';
import type { Limits } from '../limits/limits.js';
import type { Machine } from '../wire/machine.js';
import { Fifo } from './fifo.js';
import type { MuxStream } from './stream.js';

/** One write is at most about this long, so that its end shows progress on a slow link too. */
const SLICE_BYTES = 256 * 1024;

/** A write that is not framed to its end. Each stream has at most one. */
export interface OutgoingWrite {
  readonly stream: MuxStream;
  readonly chunks: readonly Buffer[];
  index: number;
  offset: number;
  /** Whether it waits for the peer to open the stream's window, and not for its turn. */
  blocked: boolean;
}

/** What the outbound side reports. */
export interface OutboundEvents {
  /** The socket took no bytes for `limits.writeTimeout`. */
  writeStalled(): void;
  /** Everything that was framed has been taken by the socket. */
  drained(): void;
  /** The socket took some bytes. */
  progress(): void;
}

/**
 * The sending half of a connection: frames of one tick leave in one vectored write; beyond `limits.outboundBytes`
 * streams wait, and then take turns frame by frame. Control frames go straight into the output, never behind a stream
 * that waits.
 */
export class Outbound {
  readonly #socket: Duplex;
  readonly #machine: Machine<MuxStream>;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #events: OutboundEvents;
  readonly #stall: Alarm;
  /** Writes that wait for their turn. Those of a stream that is gone are skipped. */
  readonly #waiting = new Fifo<OutgoingWrite>();
  #queue: Buffer[] = [];
  #queueBytes = 0;
  #inFlight = false;
  #inFlightBytes = 0;
  /** Bytes that the socket has taken, ever. */
  #taken = 0;
  /** Writes that are framed without a copy: the caller may touch its bytes again once that many were taken. */
  readonly #lent = new Fifo<{ readonly until: number; readonly stream: MuxStream }>();
  #scheduled = false;
  /** Bytes framed in this turn of the event loop; an endless eager writer must not starve timers and reads. */
  #turnBytes = 0;
  #turnEnd: NodeJS.Immediate | undefined;
  #finishing = false;
  /** Nothing more can be sent: the writable side has ended or failed. */
  #ended = false;
  #closed = false;

  constructor(socket: Duplex, machine: Machine<MuxStream>, limits: Limits, clock: Clock, events: OutboundEvents) {
    this.#socket = socket;
    this.#machine = machine;
    this.#limits = limits;
    this.#clock = clock;
    this.#events = events;
    this.#stall = new Alarm(clock, () => events.writeStalled());
  }

  /** Whether bytes are on their way to the socket that it has not taken yet. */
  get busy(): boolean {
    return this.#inFlight || this.#queueBytes > 0 || this.#machine.output.length > 0;
  }

  write(stream: MuxStream, chunks: readonly Buffer[]): void {
    if (this.#finishing) return;
    const write: OutgoingWrite = { stream, chunks, index: 0, offset: 0, blocked: false };
    stream.outgoing = write;
    if (this.#waiting.length === 0) {
      this.#serve(write);
    } else {
      this.#waiting.push(write);
      // Those before it can have gone with their streams, and then nothing else would come to serve it.
      this.#serveWaiting();
    }
    this.schedule();
  }

  /** The peer opened the window of a stream again. */
  writable(stream: MuxStream): void {
    const write = stream.outgoing;
    if (write === undefined || !write.blocked) return;
    write.blocked = false;
    this.#waiting.push(write);
    this.#serveWaiting();
  }

  /** Forgets what a stream still had to send. */
  drop(stream: MuxStream): void {
    stream.outgoing = undefined;
  }

  /** Makes sure that the output is sent at the end of this tick. */
  schedule(): void {
    if (this.#scheduled || this.#ended) return;
    this.#scheduled = true;
    // A microtask behind the tick: streams end in ticks of their own, and their FIN is to leave with their data.
    process.nextTick(() => queueMicrotask(this.#flushScheduled));
  }

  /** Hands the output to the socket, now. */
  flush(): void {
    if (this.#ended) {
      this.#machine.output.take();
      return;
    }
    const { output } = this.#machine;
    if (output.length > 0) {
      this.#queueBytes += output.length;
      const parts = output.take();
      if (this.#queue.length === 0) this.#queue = parts;
      else this.#queue.push(...parts);
    }
    if (!this.#inFlight && this.#queueBytes > 0) this.#transmit();
  }

  /** Sends what is framed, then ends the socket's writable side; streams that wait are not served any more. */
  finish(): void {
    this.#finishing = true;
    this.#waiting.clear();
    this.flush();
    if (!this.#inFlight) this.#end();
  }

  /** Lets go of timers; nothing is sent any more. */
  close(): void {
    this.#closed = true;
    this.#ended = true;
    this.#stall.cancel();
    clearImmediate(this.#turnEnd);
    this.#waiting.clear();
    this.#queue = [];
  }

  #transmit(): void {
    let parts = this.#queue;
    let bytes = this.#queueBytes;
    if (bytes > SLICE_BYTES) {
      let count = 0;
      bytes = 0;
      while (count < parts.length && bytes < SLICE_BYTES) bytes += parts[count++]?.length ?? 0;
      this.#queue = parts.slice(count);
      parts = parts.slice(0, count);
    } else {
      this.#queue = [];
    }
    this.#queueBytes -= bytes;
    this.#inFlight = true;
    this.#inFlightBytes = bytes;
    if (this.#limits.writeTimeout > 0) this.#stall.set(this.#clock.now() + this.#limits.writeTimeout);
    this.#writeParts(parts, this.#onTaken);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#socket.end();
  }

  #writeParts(parts: readonly Buffer[], callback?: (error?: Error | null) => void): void {
    const last = parts.length - 1;
    if (last > 0) this.#socket.cork();
    parts.forEach((part, index) => {
      if (index === last && callback !== undefined) this.#socket.write(part, callback);
      else this.#socket.write(part);
    });
    if (last > 0) this.#socket.uncork();
  }

  readonly #flushScheduled = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  readonly #onTaken = (error?: Error | null): void => {
    if (error) {
      // Nothing was taken. The socket has failed, and reports its close.
      this.#ended = true;
      return;
    }
    this.#inFlight = false;
    this.#taken += this.#inFlightBytes;
    this.#inFlightBytes = 0;
    this.#stall.set(undefined);
    if (this.#closed) return;
    this.#events.progress();
    this.#giveBack();
    this.#serveWaiting();
    this.flush();
    if (this.#inFlight) return;
    this.#machine.pendingControlFrames = 0;
    this.#events.drained();
    if (this.#finishing) this.#end();
  };

  /** A write is framed. It is done, unless the output only refers to its bytes: then once the socket has taken them. */
  #framed({ chunks, stream }: OutgoingWrite): void {
    if (chunks.every(({ length }) => length <= COPY_BYTES)) return stream.written();
    const until = this.#taken + this.#inFlightBytes + this.#queueBytes + this.#machine.output.length;
    this.#lent.push({ until, stream });
  }

  #giveBack(): void {
    while ((this.#lent.peek()?.until ?? Infinity) <= this.#taken) this.#lent.shift()?.stream.written();
  }

  #hasRoom(): boolean {
    const { outboundBytes } = this.#limits;
    const unsent = this.#machine.output.length + this.#queueBytes + this.#socket.writableLength;
    return unsent < outboundBytes && this.#turnBytes < outboundBytes;
  }

  #serveWaiting(): void {
    while (this.#waiting.length > 0 && this.#hasRoom()) {
      const write = this.#waiting.shift();
      // Its stream may be gone, or have been reset and left its write here.
      if (write !== undefined && write.stream.outgoing === write) this.#serve(write);
    }
    if (this.#machine.output.length > 0) this.schedule();
  }

  /** Frames what may go now: all of it when nobody waits, otherwise one frame. What is left waits for turn or window. */
  #serve(write: OutgoingWrite): void {
    const { stream } = write;
    while (this.#hasRoom()) {
      const sendable = this.#machine.sendable(stream.wire);
      if (sendable === 0) {
        write.blocked = true;
        return;
      }
      if (this.#sendFrame(write, sendable)) {
        stream.outgoing = undefined;
        this.#framed(write);
        return;
      }
      if (this.#waiting.length > 0) break;
    }
    this.#waiting.push(write);
  }

  /** Frames the next piece; `true` when it was the last. */
  #sendFrame(write: OutgoingWrite, sendable: number): boolean {
    const chunk = write.chunks[write.index];
    if (chunk === undefined) return true;
    const { offset } = write;
    const end = Math.min(chunk.length, offset + Math.min(this.#limits.maxDataFrameOut, sendable));
    const piece = offset === 0 && end === chunk.length ? chunk : chunk.subarray(offset, end);
    if (piece.length > 0) this.#machine.data(write.stream.wire, piece);
    this.#countTurn(piece.length);
    if (end < chunk.length) {
      write.offset = end;
    } else {
      write.index++;
      write.offset = 0;
    }
    return write.index >= write.chunks.length;
  }

  #countTurn(bytes: number): void {
    this.#turnBytes += bytes;
    this.#turnEnd ??= setImmediate(() => {
      this.#turnEnd = undefined;
      this.#turnBytes = 0;
      if (!this.#closed) this.#serveWaiting();
    });
  }
}
