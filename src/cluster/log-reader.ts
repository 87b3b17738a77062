import { Readable } from 'node:stream';
import type { PodLogOptions } from '../apiserver/index.js';
import type { LogBuffer, LogEntry } from './log-buffer.js';

/** What {@link LogReader} reads. */
export type LogReaderOptions = Pick<PodLogOptions, 'follow' | 'timestamps' | 'tailLines' | 'since' | 'limitBytes'>;

/** Bytes of lines that are handed on as one chunk: one write for each line would cost more than the lines. */
const BATCH = 16 * 1024;

/**
 * A log as a stream of bytes, at the reader's pace. It keeps a position, not a queue; when the log drops lines that were
 * not yet read, a line in the stream says how many.
 */
export class LogReader extends Readable {
  readonly #log: LogBuffer;
  readonly #options: LogReaderOptions;
  readonly #unsubscribe: () => void;
  /** Where it ends at the latest: a program may write faster than the client reads, for ever. */
  readonly #end: number;
  #position: number;
  #left: number;
  #waiting = false;

  constructor(log: LogBuffer, options: LogReaderOptions) {
    super({ highWaterMark: 64 * 1024 });
    this.#log = log;
    this.#options = options;
    this.#left = options.limitBytes ?? Infinity;
    this.#end = options.follow ? Infinity : log.next;
    this.#position = startOf(log, options);
    this.#unsubscribe = log.subscribe(() => this.#wake());
  }

  override _read(): void {
    const pieces: Buffer[] = [];
    let length = 0;
    while (length < BATCH) {
      const piece = this.#next();
      if (piece === undefined) break;
      pieces.push(piece);
      length += piece.length;
    }
    this.#waiting = length === 0 && !this.#over;
    if (length > 0) this.push(Buffer.concat(pieces, length));
    else if (this.#over) this.push(null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#unsubscribe();
    callback(error);
  }

  #wake(): void {
    if (this.#waiting && !this.destroyed) this._read();
  }

  /** Whether nothing comes any more behind what {@link #next} has given. */
  get #over(): boolean {
    return this.#left <= 0 || !this.#options.follow || (this.#log.ended && this.#position >= this.#log.next);
  }

  #next(): Buffer | undefined {
    if (this.#left <= 0 || this.#position >= this.#end) return undefined;
    const missed = Math.min(this.#log.first, this.#end) - this.#position;
    if (missed > 0) {
      this.#position += missed;
      return this.#limit(Buffer.from(`[${missed} lines were dropped before they were read]\n`));
    }
    const entry = this.#log.at(this.#position);
    if (entry === undefined) return undefined;
    this.#position++;
    return this.#limit(this.#bytesOf(entry));
  }

  #limit(data: Buffer): Buffer {
    const part = data.length > this.#left ? data.subarray(0, this.#left) : data;
    this.#left -= part.length;
    return part;
  }

  #bytesOf({ time, data, startsLine }: LogEntry): Buffer {
    if (!this.#options.timestamps || !startsLine) return data;
    return Buffer.concat([Buffer.from(`${time.toISOString()} `), data]);
  }
}

function startOf(log: LogBuffer, { tailLines, since }: LogReaderOptions): number {
  let position = log.first;
  if (tailLines !== undefined) {
    position = log.next;
    for (let lines = 0; lines < tailLines && position > log.first; position--) {
      if (log.at(position - 1)?.startsLine) lines++;
    }
  }
  if (since !== undefined) {
    while (position < log.next && (log.at(position)?.time ?? since) < since) position++;
  }
  return position;
}
