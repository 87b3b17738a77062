const SMALLEST = 8;

/** A queue whose items keep their position for ever: the first one pushed has 0, the next 1, and so on. */
export class Ring<T> {
  #slots: (T | undefined)[] = empty(SMALLEST);
  /** Position of the oldest item; that of the next one when there is none. */
  first: number = 0;
  /** Position that the next item will have. */
  end: number = 0;

  get size(): number {
    return this.end - this.first;
  }

  push(item: T): void {
    if (this.size === this.#slots.length) this.#grow();
    this.#slots[this.end & (this.#slots.length - 1)] = item;
    this.end += 1;
  }

  /** The item at a position from `first` to below `end`; `undefined` elsewhere. */
  at(position: number): T | undefined {
    return position < this.first || position >= this.end ? undefined : this.#slots[position & (this.#slots.length - 1)];
  }

  /** Takes the oldest item out. */
  shift(): T | undefined {
    if (this.size === 0) return undefined;
    const slot = this.first & (this.#slots.length - 1);
    const item = this.#slots[slot];
    this.#slots[slot] = undefined;
    this.first += 1;
    if (this.size === 0 && this.#slots.length > SMALLEST) this.#slots = empty(SMALLEST);
    return item;
  }

  #grow(): void {
    const larger = empty<T>(this.#slots.length * 2);
    for (let position = this.first; position < this.end; position++) {
      larger[position & (larger.length - 1)] = this.at(position);
    }
    this.#slots = larger;
  }
}

function empty<T>(slots: number): (T | undefined)[] {
  return Array.from({ length: slots });
}
