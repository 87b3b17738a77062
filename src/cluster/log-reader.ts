import { Readable } from 'node:stream';
import type { PodLogOptions } from '../apiserver/index.js';
import type { LogBuffer, LogEntry } from './log-buffer.js';

/** What {@link LogReader} reads. */
export type LogReaderOptions = Pick<PodLogOptions, 'follow' | 'timestamps' | 'tailLines' | 'since' | 'limitBytes'>;

/**
 * A log as a stream of bytes, at the reader's pace. It keeps a position, not a queue; when the log drops lines that were
 * not yet read, a line in the stream says how many.
 */
export class LogReader extends Readable {
  readonly #log: LogBuffer;
  readonly #options: LogReaderOptions;
  readonly #unsubscribe: () => void;
  #position: number;
  #left: number;
  #waiting = false;

  constructor(log: LogBuffer, options: LogReaderOptions) {
    super({ highWaterMark: 64 * 1024 });
    this.#log = log;
    this.#options = options;
    this.#left = options.limitBytes ?? Infinity;
    this.#position = startOf(log, options);
    this.#unsubscribe = log.subscribe(() => this.#wake());
  }

  override _read(): void {
    this.#waiting = false;
    while (this.#left > 0) {
      const missed = this.#log.first - this.#position;
      if (missed > 0) {
        this.#position = this.#log.first;
        if (!this.#send(Buffer.from(`[${missed} lines were dropped before they were read]\n`))) return;
        continue;
      }
      const entry = this.#log.at(this.#position);
      if (entry === undefined) {
        if (!this.#options.follow || this.#log.ended) break;
        this.#waiting = true;
        return;
      }
      this.#position++;
      if (!this.#send(this.#bytesOf(entry))) return;
    }
    this.push(null);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#unsubscribe();
    callback(error);
  }

  #wake(): void {
    if (this.#waiting && !this.destroyed) this._read();
  }

  #send(data: Buffer): boolean {
    const part = data.length > this.#left ? data.subarray(0, this.#left) : data;
    this.#left -= part.length;
    return this.push(part);
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
