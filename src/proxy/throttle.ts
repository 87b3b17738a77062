import { Writable, type Readable } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { ByteBudget } from './byte-budget.js';

type Callback = (error?: Error | null) => void;

/** A source that gives at most so many bytes per second; the source itself when that is 0. */
export function throttledReadable(
  source: Readable,
  bytesPerSecond: number,
  clock: Clock,
): Readable | AsyncIterable<Buffer> {
  return bytesPerSecond === 0 ? source : pieces(source, new ByteBudget(bytesPerSecond, clock.now()), clock);
}

async function* pieces(source: Readable, budget: ByteBudget, clock: Clock): AsyncGenerator<Buffer> {
  for await (const chunk of source as AsyncIterable<Buffer>) {
    for (let rest = chunk; rest.length > 0;) {
      const length = budget.take(rest.length, clock.now());
      if (length > 0) yield rest.subarray(0, length);
      rest = rest.subarray(length);
      if (rest.length > 0) await passed(budget.delay(rest.length), clock);
    }
  }
}

function passed(milliseconds: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimeout(resolve, milliseconds);
  });
}

/** A sink that takes at most so many bytes per second; the sink itself when that is 0. It does not end the sink. */
export function throttledWritable(sink: Writable, bytesPerSecond: number, clock: Clock): Writable {
  return bytesPerSecond === 0 ? sink : new Throttled(sink, new ByteBudget(bytesPerSecond, clock.now()), clock);
}

class Throttled extends Writable {
  readonly #sink: Writable;
  readonly #budget: ByteBudget;
  readonly #clock: Clock;

  constructor(sink: Writable, budget: ByteBudget, clock: Clock) {
    super({ highWaterMark: 16 * 1024 });
    this.#sink = sink;
    this.#budget = budget;
    this.#clock = clock;
    this.on('error', () => {});
    sink.on('error', (error) => this.destroy(error));
    sink.once('close', () => this.destroy());
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, callback: Callback): void {
    // The rest of a chunk comes back here by a timer.
    if (this.destroyed) return callback();
    const length = this.#budget.take(chunk.length, this.#clock.now());
    const rest = chunk.subarray(length);
    const next = (error?: Error | null): void => {
      if (error || rest.length === 0) callback(error);
      else this.#clock.setTimeout(() => this._write(rest, encoding, callback), this.#budget.delay(rest.length));
    };
    if (length === 0) next();
    else this.#sink.write(chunk.subarray(0, length), next);
  }
}
