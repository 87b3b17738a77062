import type { PairStream } from './stream.js';

/**
 * Counts the bytes that finished streams still hold unread, where an application can keep any number of them: until they
 * are read or dropped, or until nobody has the stream any more.
 */
export class Leftovers {
  #bytes = 0;
  readonly #collected = new FinalizationRegistry<number>((bytes) => (this.#bytes -= bytes));
  readonly #counted = new WeakMap<PairStream, number>();

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes in a stream that is over on the wire. */
  add(stream: PairStream): void {
    const bytes = stream.unreadBytes;
    if (bytes === 0 || this.#counted.has(stream)) return;
    this.#bytes += bytes;
    this.#counted.set(stream, bytes);
    this.#collected.register(stream, bytes, stream);
  }

  /** Nothing of it is left to be read. */
  drained(stream: PairStream): void {
    const bytes = this.#counted.get(stream);
    if (bytes === undefined) return;
    this.#bytes -= bytes;
    this.#counted.delete(stream);
    this.#collected.unregister(stream);
  }
}
