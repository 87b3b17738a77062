import { StringDecoder } from 'node:string_decoder';
import type { Readable } from 'node:stream';
import { SizeDecoder } from './resize-codec.js';
import type { TerminalSize } from './types.js';

/**
 * The sizes of the client's terminal as an async iterable for one reader. Only the newest size that was not yet taken is
 * kept: a terminal has one size, and whoever is slow must not hold up the connection.
 */
export class ResizeQueue implements AsyncIterable<TerminalSize> {
  #newest: TerminalSize | undefined;
  #ended = false;
  #waiting: ((result: IteratorResult<TerminalSize, undefined>) => void)[] = [];

  constructor(source?: Readable) {
    if (source === undefined || source.destroyed) {
      this.#ended = true;
      return;
    }
    const characters = new StringDecoder('utf8');
    const sizes = new SizeDecoder();
    source.on('data', (chunk: Buffer) => {
      for (const size of sizes.decode(characters.write(chunk))) this.#put(size);
    });
    source.once('end', () => this.end());
    source.once('close', () => this.end());
    source.on('error', () => this.end());
  }

  /** No more sizes come; a size that was not taken still can be. */
  end(): void {
    this.#ended = true;
    for (const resolve of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }

  #put(size: TerminalSize): void {
    if (this.#ended) return;
    const resolve = this.#waiting.shift();
    if (resolve === undefined) this.#newest = size;
    else resolve({ done: false, value: size });
  }

  [Symbol.asyncIterator](): AsyncIterator<TerminalSize, undefined> {
    return {
      next: () => {
        const value = this.#newest;
        if (value !== undefined) {
          this.#newest = undefined;
          return Promise.resolve({ done: false, value });
        }
        if (this.#ended) return Promise.resolve({ done: true, value: undefined });
        return new Promise((resolve) => {
          this.#waiting.push(resolve);
        });
      },
      return: () => Promise.resolve({ done: true, value: undefined }),
    };
  }
}
