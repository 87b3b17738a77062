import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../clock/clock.js';

/** Milliseconds of silence after which a pipe that outlives its command is let go of. */
const QUIET = 1_000;

/**
 * Copies one output of a command to the client, with backpressure and without ending the client's stream. A process that
 * the command left behind may hold the pipe open for ever: after the command's end only what still flows is waited for.
 */
export class OutputDrain {
  readonly #source: Readable;
  readonly #sink: Writable;
  readonly #ended: Promise<void>;
  #bytes = 0;

  constructor(source: Readable, sink: Writable) {
    this.#source = source;
    this.#sink = sink;
    this.#ended = new Promise((resolve) => {
      source.once('end', resolve);
      source.once('close', resolve);
    });
    source.on('error', () => {});
    source.on('data', (chunk: Buffer) => {
      this.#bytes += chunk.length;
    });
    source.pipe(sink, { end: false });
    // Nobody takes the output any more; the command finds out as it would with a closed pipe.
    sink.once('close', () => this.abandon());
  }

  /** The client is gone: the pipe is closed. */
  abandon(): void {
    this.#source.destroy();
  }

  /** The command is over. Resolves when its output is handed over, or nothing comes although something could. */
  async finish(clock: Clock): Promise<void> {
    for (;;) {
      const before = this.#bytes;
      if (await this.#endsWithin(QUIET, clock)) return;
      const held = this.#sink.writableNeedDrain || this.#source.readableLength > 0;
      if (!held && this.#bytes === before) break;
    }
    this.#source.destroy();
  }

  #endsWithin(milliseconds: number, clock: Clock): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = clock.setTimeout(() => resolve(false), milliseconds);
      void this.#ended.then(() => {
        timer.cancel();
        resolve(true);
      });
    });
  }
}
