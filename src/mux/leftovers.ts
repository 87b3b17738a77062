import type { MuxStream } from './stream.js';

/**
 * Counts the bytes that finished streams still hold unread, where an application can keep any number of them: until they
 * are read or dropped, or until nobody has the stream any more.
 */
export class Leftovers {
  #bytes = 0;
  readonly #collected = new FinalizationRegistry<number>((bytes) => (this.#bytes -= bytes));

  get bytes(): number {
    return this.#bytes;
  }

  /** Takes in a stream that is over on the wire; `free` bytes of it do not count. */
  add(stream: MuxStream, free = 0): void {
    const bytes = stream.readableLength - free;
    if (bytes <= 0 || stream.destroyed) return;
    this.#bytes += bytes;
    this.#collected.register(stream, bytes, stream);
    stream.once('close', () => {
      if (this.#collected.unregister(stream)) this.#bytes -= bytes;
    });
  }
}
