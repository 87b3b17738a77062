import { deferred, type Deferred } from '../clock/deferred.js';

/**
 * A bounded queue between what happens and who reads it, as a Go channel is. Several readers share what comes. When it is
 * closed, readers get what is left, and then the end.
 */
export class Channel<T> implements AsyncIterable<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  readonly #readers: Deferred<IteratorResult<T, undefined>>[] = [];
  #closed = false;
  #room: Deferred<void> | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds an item, beyond the capacity too; does nothing when closed. */
  push(item: T): void {
    if (this.#closed) return;
    const reader = this.#readers.shift();
    if (reader === undefined) this.#items.push(item);
    else reader.resolve({ done: false, value: item });
  }

  /** Adds an item, and drops the oldest when there are too many. */
  pushLatest(item: T): void {
    this.push(item);
    if (this.#items.length > this.#capacity) this.#items.shift();
  }

  close(): void {
    this.#closed = true;
    for (const reader of this.#readers.splice(0)) reader.resolve({ done: true, value: undefined });
    this.#makeRoom();
  }

  /** Drops what nobody read. */
  clear(): void {
    this.#items.length = 0;
    this.#makeRoom();
  }

  /** Takes items again; who reads on a closed channel slowly enough does not notice. */
  reopen(): void {
    this.#closed = false;
  }

  /** A promise of there being room again, when there is none. */
  room(): Promise<void> | undefined {
    if (this.#closed || this.#items.length < this.#capacity) return undefined;
    this.#room ??= deferred<void>();
    return this.#room.promise;
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return {
      next: () => this.#next(),
      // Who stops reading leaves the rest to others.
      return: async () => ({ done: true, value: undefined }),
    };
  }

  #next(): Promise<IteratorResult<T, undefined>> {
    if (this.#items.length > 0) {
      const value = this.#items.shift() as T;
      if (this.#items.length < this.#capacity) this.#makeRoom();
      return Promise.resolve({ done: false, value });
    }
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    const reader = deferred<IteratorResult<T, undefined>>();
    this.#readers.push(reader);
    return reader.promise;
  }

  #makeRoom(): void {
    this.#room?.resolve();
    this.#room = undefined;
  }
}
