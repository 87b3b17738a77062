const FIRST_CAPACITY = 8;
/** Up to this size a table is kept when its entries go: streams come and go in bursts. */
const KEPT_CAPACITY = 512;
/** 2^32 divided by the golden ratio: spreads ids that follow one another over the table. */
const SPREAD = 0x9e3779b1;

/**
 * A map by stream id, from 1 to 2^32 - 1, iterated in the order of ids. Made for long-lived connections with ever new
 * streams, where a `Map` is a trap: V8 links each table that a `Map` has outgrown to the next one, so once one of them has
 * reached the old generation, all streams that come after are copied there too, until a full collection (measured on Node
 * 20: five times slower churn). A plain object costs ten times as much per stream as this table with linear probing.
 */
export class IdMap<T> implements ReadonlyMap<number, T> {
  /** 0: free. */
  #ids: number[] = [];
  #values: (T | undefined)[] = [];
  #shift = 0;
  #size = 0;

  constructor() {
    this.#allocate(FIRST_CAPACITY);
  }

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    return this.#values[this.#find(id)];
  }

  has(id: number): boolean {
    return id !== 0 && this.#ids[this.#find(id)] === id;
  }

  set(id: number, value: T): void {
    let at = this.#find(id);
    if (this.#ids[at] !== id) {
      if ((this.#size + 1) * 2 > this.#ids.length) {
        this.#resize(this.#ids.length * 2);
        at = this.#find(id);
      }
      this.#ids[at] = id;
      this.#size++;
    }
    this.#values[at] = value;
  }

  /** Whether there was such an id. */
  delete(id: number): boolean {
    if (!this.has(id)) return false;
    const at = this.#find(id);
    this.#close(at);
    this.#size--;
    if (this.#ids.length > KEPT_CAPACITY && this.#size * 16 < this.#ids.length) this.#resize(this.#ids.length / 4);
    return true;
  }

  clear(): void {
    this.#size = 0;
    this.#allocate(FIRST_CAPACITY);
  }

  forEach(callback: (value: T, id: number, map: ReadonlyMap<number, T>) => void): void {
    for (const [id, value] of this) callback(value, id, this);
  }

  /** Leaves out what is deleted on the way, and what is added. */
  *entries(): MapIterator<[number, T]> {
    const ids = this.#ids.filter((id) => id !== 0).toSorted((a, b) => a - b);
    for (const id of ids) {
      const value = this.get(id);
      if (value !== undefined) yield [id, value];
    }
    return undefined;
  }

  *keys(): MapIterator<number> {
    for (const [id] of this) yield id;
    return undefined;
  }

  *values(): MapIterator<T> {
    for (const [, value] of this) yield value;
    return undefined;
  }

  [Symbol.iterator](): MapIterator<[number, T]> {
    return this.entries();
  }

  /** Where the id is, or the free place where it would be. */
  #find(id: number): number {
    const ids = this.#ids;
    const mask = ids.length - 1;
    let at = this.#home(id);
    while (ids[at] !== id && ids[at] !== 0) at = (at + 1) & mask;
    return at;
  }

  #home(id: number): number {
    return Math.imul(id, SPREAD) >>> this.#shift;
  }

  /** Frees a place, and moves up what probing would not find any more. */
  #close(freed: number): void {
    const ids = this.#ids;
    const values = this.#values;
    const mask = ids.length - 1;
    let gap = freed;
    for (let at = (gap + 1) & mask; ; at = (at + 1) & mask) {
      const id = ids[at] ?? 0;
      if (id === 0) break;
      if (((at - this.#home(id)) & mask) < ((at - gap) & mask)) continue;
      ids[gap] = id;
      values[gap] = values[at];
      gap = at;
    }
    ids[gap] = 0;
    values[gap] = undefined;
  }

  #resize(capacity: number): void {
    const ids = this.#ids;
    const values = this.#values;
    this.#allocate(capacity);
    for (const [from, id] of ids.entries()) {
      if (id === 0) continue;
      const at = this.#find(id);
      this.#ids[at] = id;
      this.#values[at] = values[from];
    }
  }

  /** @param capacity a power of two. */
  #allocate(capacity: number): void {
    this.#ids = Array.from({ length: capacity }, () => 0);
    this.#values = Array.from({ length: capacity }, () => undefined);
    this.#shift = Math.clz32(capacity) + 1;
  }
}
