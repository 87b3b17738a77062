import type { Readable, Writable } from 'node:stream';
import { LimitExceededError } from '../errors/index.js';

/** Takes what a stream delivers. */
export interface OutputSink {
  /** Calls `done` when the chunk is dealt with; returns false to be given no more until `ready`. */
  write(chunk: Buffer, done: (error?: Error | null) => void): boolean;
  /** Called back whenever there is room again, and when the sink fails; returns how to stop listening. */
  watch(ready: () => void, failed: (error: Error) => void): () => void;
}

/** A caller's stream as a sink. It is not ended. */
export function writableSink(sink: Writable): OutputSink {
  return {
    write: (chunk, done) => sink.write(chunk, done),
    watch(ready, failed) {
      const closed = (): void => failed(new Error('the output stream was closed before the command ended'));
      sink.on('drain', ready);
      sink.on('error', failed);
      sink.on('close', closed);
      return () => {
        sink.off('drain', ready);
        sink.off('close', closed);
        // The error of a write that is under way may still come, and must find a listener.
        sink.off('error', failed);
        sink.on('error', () => {});
      };
    },
  };
}

/** Gathers output in memory, up to `limit` bytes. */
export class Collector implements OutputSink {
  readonly #chunks: Buffer[] = [];
  readonly #limit: number;
  readonly #name: string;
  #length = 0;

  constructor(limit: number, name: string) {
    this.#limit = limit;
    this.#name = name;
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }

  write(chunk: Buffer, done: (error?: Error | null) => void): boolean {
    this.#length += chunk.length;
    if (this.#length > this.#limit) {
      done(new LimitExceededError(this.#name, `more than ${this.#limit} bytes of output (${this.#name})`));
      return true;
    }
    this.#chunks.push(chunk);
    done();
    return true;
  }

  watch(): () => void {
    return () => {};
  }
}

/**
 * Copies `source` to `sink`, with backpressure. Resolves when the source is over and the sink has dealt with all of it:
 * with `undefined` after an orderly end, else with what broke the source off. Rejects when the sink fails.
 */
export function copyOutput(source: Readable, sink: OutputSink): Promise<Error | undefined> {
  return new Promise((resolve, reject) => {
    let pending = 0;
    let over = false;
    let broken: Error | undefined;
    const settle = (): void => {
      if (!over || pending > 0) return;
      unwatch();
      resolve(broken);
    };
    const fail = (error: Error): void => {
      unwatch();
      source.off('data', take);
      // Nothing may stay unread, or it would hold up the connection's goodbye.
      source.resume();
      reject(error);
    };
    const wrote = (error?: Error | null): void => {
      pending--;
      if (error) fail(error);
      else settle();
    };
    const take = (chunk: Buffer): void => {
      pending++;
      if (!sink.write(chunk, wrote)) source.pause();
    };
    const finish = (error?: Error): void => {
      if (over) return;
      over = true;
      broken = error;
      settle();
    };
    const unwatch = sink.watch(() => source.resume(), fail);
    source.on('data', take);
    source.once('end', () => finish());
    source.on('error', finish);
    const close = (): void => finish(source.errored ?? new Error('the stream closed before its end'));
    source.once('close', close);
    // It can have failed while other streams were still being opened.
    if (source.destroyed) close();
  });
}
