import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { Clock, Timer } from '../clock/clock.js';
import { slices, type Slicer } from './slicers.js';

/** What one direction of a connection suffers. */
export interface PipeFaults {
  readonly lost: boolean;
  /** Bytes in a second. */
  readonly rate: number;
  /** Milliseconds by which bytes are late, and more at random. */
  readonly delay: number;
  readonly jitter: number;
  readonly slicer: Slicer | undefined;
}

/** What waits in a pipe, past which nothing more is read. */
const MAX_WAITING = 64 * 1024;
/** With a rate, bytes pass in pieces that take so many milliseconds each. */
const PIECE = 50;

/** Carries bytes from one socket to another, with faults. */
export class FaultyPipe {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #clock: Clock;
  readonly #random: () => number;
  #faults: PipeFaults = { lost: false, rate: Infinity, delay: 0, jitter: 0, slicer: undefined };
  #waiting: { readonly bytes: Buffer; readonly at: number }[] = [];
  #waitingBytes = 0;
  /** When the last of the bytes so far will have passed the way itself. */
  #freeAt = 0;
  /** When they arrive. */
  #lastAt = 0;
  #timer: Timer | undefined;
  #flips = false;
  #ended = false;
  #closed = false;
  /** Whether bytes were lost: nothing that comes behind them would make sense. */
  hasLost = false;

  constructor(from: Socket, to: Socket, clock: Clock, random: () => number) {
    this.#from = from;
    this.#to = to;
    this.#clock = clock;
    this.#random = random;
    from.on('data', (chunk: Buffer) => this.#take(chunk));
    from.on('end', () => {
      this.#ended = true;
      this.#pump();
    });
    to.on('drain', () => this.#flow());
  }

  set(faults: PipeFaults): void {
    const { rate, delay } = this.#faults;
    this.#faults = faults;
    if (faults.lost) this.hasLost = true;
    if (faults.rate > rate || faults.delay < delay) {
      // Nothing waits for a fault that is over.
      this.#waiting = this.#waiting.map(({ bytes }) => ({ bytes, at: 0 }));
      this.#freeAt = 0;
      this.#lastAt = 0;
    }
    this.#pump();
  }

  /** Flips one bit of what passes next. */
  flip(): void {
    this.#flips = true;
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#waiting = [];
  }

  #take(chunk: Buffer): void {
    if (this.#closed || this.hasLost) return;
    const { rate, delay, jitter, slicer } = this.#faults;
    for (const piece of slicer === undefined ? [chunk] : slices(chunk, slicer)) {
      const size = rate === Infinity ? piece.length : Math.max(1, Math.floor((rate * PIECE) / 1_000));
      for (let start = 0; start < piece.length; start += size) {
        const bytes = Buffer.from(piece.subarray(start, start + size));
        this.#freeAt = Math.max(this.#clock.now(), this.#freeAt) + (bytes.length / rate) * 1_000;
        this.#lastAt = Math.max(this.#lastAt, this.#freeAt + delay + jitter * this.#random());
        this.#waiting.push({ bytes, at: this.#lastAt });
        this.#waitingBytes += bytes.length;
      }
    }
    this.#pump();
  }

  #pump(): void {
    if (this.#closed) return;
    const now = this.#clock.now();
    for (let next = this.#waiting[0]; next !== undefined && next.at <= now; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#waitingBytes -= next.bytes.length;
      if (this.hasLost || this.#to.destroyed) continue;
      if (this.#flips) this.#flip(next.bytes);
      this.#to.write(next.bytes);
    }
    this.#timer?.cancel();
    const [first] = this.#waiting;
    this.#timer = first === undefined ? undefined : this.#clock.setTimeout(() => this.#pump(), first.at - now);
    if (first === undefined && this.#ended && !this.hasLost) this.#to.end();
    this.#flow();
  }

  #flow(): void {
    // What is lost is read on, as a network takes it.
    if (!this.hasLost && (this.#waitingBytes > MAX_WAITING || this.#to.writableNeedDrain)) this.#from.pause();
    else this.#from.resume();
  }

  #flip(bytes: Buffer): void {
    this.#flips = false;
    const bit = Math.floor(this.#random() * bytes.length * 8);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  }
}
