import { Duplex } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { systemClock } from '../clock/clock.js';
import { slices, wholeChunks, type Slicer } from './slicers.js';

/** Settings of {@link duplexPair}. */
export interface DuplexPairOptions {
  /** How bytes are cut on their way, the same in both directions. Default: not at all. */
  readonly slicer?: Slicer;
  /** Milliseconds that bytes travel. Default 0: until the next turn. */
  readonly latency?: number;
  /** The clock of `latency`. Default: that of the process. */
  readonly clock?: Clock;
  /** Bytes that each end buffers in each direction before writing has to wait. Default 65,536. */
  readonly highWaterMark?: number;
}

/** One end of a {@link duplexPair}. */
export interface MemoryDuplex extends Duplex {
  /** Breaks the connection as a TCP reset does: both ends fail with `ECONNRESET`, and bytes on their way are lost. */
  resetConnection(): void;
}

class Endpoint extends Duplex implements MemoryDuplex {
  peer!: Endpoint;
  readonly #options: Required<DuplexPairOptions>;
  /** Calls back the write that waits for this end to be read. */
  #readable: (() => void) | undefined;

  constructor(options: Required<DuplexPairOptions>) {
    super({ highWaterMark: options.highWaterMark, allowHalfOpen: true });
    this.#options = options;
  }

  resetConnection(): void {
    this.peer.destroy(connectionReset());
    this.destroy(connectionReset());
  }

  override _read(): void {
    const readable = this.#readable;
    this.#readable = undefined;
    readable?.();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    // What is written belongs to the writer: a copy, as a kernel makes it.
    const bytes = Buffer.from(chunk);
    this.#later(() => {
      if (this.peer.destroyed) callback(connectionReset());
      else this.peer.#take(bytes, callback);
    });
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#later(() => {
      if (!this.peer.destroyed) this.peer.push(null);
      callback();
    });
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const readable = this.#readable;
    this.#readable = undefined;
    readable?.();
    const { peer } = this;
    // As a kernel does when a socket is closed: an end, and a reset for whoever writes on.
    if (error === null && !this.writableFinished) {
      this.#later(() => {
        if (!peer.destroyed && !peer.readableEnded) peer.push(null);
      });
    }
    callback(error);
  }

  #take(bytes: Buffer, callback: () => void): void {
    let room = true;
    for (const piece of slices(bytes, this.#options.slicer)) {
      if (this.destroyed) break;
      room = this.push(piece);
    }
    if (room || this.destroyed) callback();
    else this.#readable = callback;
  }

  #later(action: () => void): void {
    if (this.#options.latency > 0) this.#options.clock.setTimeout(action, this.#options.latency);
    else setImmediate(action);
  }
}

function connectionReset(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

/**
 * Two connected byte streams without a socket: what one end writes the other reads, with backpressure and half-close.
 *
 * Destroying one end without an error ends the other in order; `resetConnection` breaks both.
 */
export function duplexPair(options: DuplexPairOptions = {}): [MemoryDuplex, MemoryDuplex] {
  const settings: Required<DuplexPairOptions> = {
    slicer: options.slicer ?? wholeChunks,
    latency: options.latency ?? 0,
    clock: options.clock ?? systemClock,
    highWaterMark: options.highWaterMark ?? 64 * 1024,
  };
  const left = new Endpoint(settings);
  const right = new Endpoint(settings);
  left.peer = right;
  right.peer = left;
  return [left, right];
}
