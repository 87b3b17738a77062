/** What came in, in order, to be waited for. */
export class Inbox<T> {
  readonly all: T[] = [];
  #read = 0;
  #wake: (() => void) | undefined;
  #failure: Error | undefined;

  put(item: T): void {
    this.all.push(item);
    this.#wake?.();
  }

  /** No more will come: who waits fails with this. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#wake?.();
  }

  /** The next one that was not asked for yet. */
  async next(): Promise<T> {
    while (this.#read >= this.all.length) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.all[this.#read++] as T;
  }

  /** The next one that passes; those before it are skipped. */
  async find(passes: (item: T) => boolean): Promise<T> {
    for (;;) {
      const item = await this.next();
      if (passes(item)) return item;
    }
  }

  /** How many came that nobody asked for. */
  get unread(): number {
    return this.all.length - this.#read;
  }
}
