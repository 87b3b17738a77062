import type { WallClock } from '../clock/wall.js';

/** Which output of a process a line came from. */
export type OutputName = 'stdout' | 'stderr';

/** One line, or a piece of a very long one. */
export interface LogEntry {
  readonly time: Date;
  /** With the newline, where there was one. */
  readonly data: Buffer;
  /** Whether a line begins here; false for what follows a piece without newline. */
  readonly startsLine: boolean;
}

/** Longest piece of a line that is kept waiting for its newline. */
const MAX_PIECE = 16 * 1024;
/** What an entry costs beside its bytes, roughly. */
const OVERHEAD = 64;
const NEWLINE = 10;

interface Pending {
  readonly pieces: Buffer[];
  length: number;
  startsLine: boolean;
}

/** The newest lines of one run of a process, in arrival order, bounded in bytes. Readers keep a position in it. */
export class LogBuffer {
  readonly #capacity: number;
  readonly #clock: WallClock;
  readonly #pending: Readonly<Record<OutputName, Pending>> = { stdout: emptyPending(), stderr: emptyPending() };
  readonly #listeners = new Set<() => void>();
  #entries: LogEntry[] = [];
  /** Entries at the front of the array that are already dropped. */
  #dropped = 0;
  #base = 0;
  #bytes = 0;
  #ended = false;

  /** @param capacity Bytes that are kept. */
  constructor(capacity: number, clock: WallClock) {
    this.#capacity = capacity;
    this.#clock = clock;
  }

  /** Position of the oldest entry that is kept. */
  get first(): number {
    return this.#base + this.#dropped;
  }

  /** Position behind the newest entry. */
  get next(): number {
    return this.#base + this.#entries.length;
  }

  /** Whether no more comes. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The entry at a position; `undefined` when it was dropped or is not there yet. */
  at(position: number): LogEntry | undefined {
    return position < this.first ? undefined : this.#entries[position - this.#base];
  }

  /** Takes what the process wrote. */
  append(output: OutputName, chunk: Buffer): void {
    const pending = this.#pending[output];
    const time = this.#clock.now();
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#store(pending, chunk.subarray(start, end + 1), time);
      start = end + 1;
    }
    for (; start < chunk.length; start += MAX_PIECE) {
      const piece = chunk.subarray(start, start + MAX_PIECE);
      if (pending.length + piece.length >= MAX_PIECE) this.#store(pending, piece, time);
      else {
        pending.pieces.push(piece);
        pending.length += piece.length;
      }
    }
    this.#notify();
  }

  /** The process is over: what waits for a newline becomes the last line. */
  end(): void {
    if (this.#ended) return;
    const time = this.#clock.now();
    for (const pending of Object.values(this.#pending)) {
      if (pending.length > 0) this.#store(pending, Buffer.alloc(0), time);
    }
    this.#ended = true;
    this.#notify();
  }

  /** Calls back when something was added and when the log ended; returns how to stop. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #store(pending: Pending, last: Buffer, time: Date): void {
    // A copy: a line must not hold on to the whole chunk that it came in.
    const data = Buffer.concat([...pending.pieces, last]);
    this.#entries.push({ time, data, startsLine: pending.startsLine });
    pending.pieces.length = 0;
    pending.length = 0;
    pending.startsLine = data.at(-1) === NEWLINE;
    this.#bytes += data.length + OVERHEAD;
    while (this.#bytes > this.#capacity && this.first < this.next - 1) this.#drop();
  }

  #drop(): void {
    this.#bytes -= (this.#entries[this.#dropped]?.data.length ?? 0) + OVERHEAD;
    this.#dropped++;
    // Cutting the front off costs a copy, so it is done for many entries at once.
    if (this.#dropped < 1024 || this.#dropped < this.#entries.length / 2) return;
    this.#entries = this.#entries.slice(this.#dropped);
    this.#base += this.#dropped;
    this.#dropped = 0;
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }
}

function emptyPending(): Pending {
  return { pieces: [], length: 0, startsLine: true };
}
