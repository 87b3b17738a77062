/** Numbers of one chunk. It is what an item costs whose neighbours are gone. */
const CHUNK = 32;

interface Chunk<T> {
  readonly items: (T | undefined)[];
  held: number;
}

/**
 * Items by ascending numbers of which any may go, in chunks.
 *
 * A `Map` that is used as a queue costs far more than it looks: it moves to a new table again and again, each old table
 * refers to the next, and once one is in the old generation all that were ever in it stay until that is collected.
 */
export class Numbered<T> {
  readonly #chunks = new Map<number, Chunk<T>>();
  /** The chunk that was used last. */
  #at = -1;
  #chunk: Chunk<T> | undefined;
  size: number = 0;

  get(n: number): T | undefined {
    return this.#find(Math.floor(n / CHUNK))?.items[n % CHUNK];
  }

  set(n: number, item: T): void {
    const at = Math.floor(n / CHUNK);
    let chunk = this.#find(at);
    if (chunk === undefined) {
      chunk = { items: Array.from<T | undefined>({ length: CHUNK }), held: 0 };
      this.#chunks.set(at, chunk);
      this.#at = at;
      this.#chunk = chunk;
    }
    if (chunk.items[n % CHUNK] === undefined) {
      chunk.held += 1;
      this.size += 1;
    }
    chunk.items[n % CHUNK] = item;
  }

  /** @returns whether it was there. */
  delete(n: number): boolean {
    const at = Math.floor(n / CHUNK);
    const chunk = this.#chunks.get(at);
    if (chunk?.items[n % CHUNK] === undefined) return false;
    chunk.items[n % CHUNK] = undefined;
    chunk.held -= 1;
    this.size -= 1;
    if (chunk.held > 0) return true;
    this.#chunks.delete(at);
    if (this.#at === at) this.#at = -1;
    return true;
  }

  /** In the order of their numbers, when they came in it. */
  *values(): Generator<T, void, undefined> {
    for (const { items } of this.#chunks.values()) for (const item of items) if (item !== undefined) yield item;
  }

  #find(at: number): Chunk<T> | undefined {
    if (at === this.#at) return this.#chunk;
    const chunk = this.#chunks.get(at);
    if (chunk !== undefined) {
      this.#at = at;
      this.#chunk = chunk;
    }
    return chunk;
  }
}
