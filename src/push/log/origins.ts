import type { RetainedItem } from './event.js';
import { Numbered } from './numbered.js';

/** Origins that are remembered, those included that have no events in the history. */
const MAX_ORIGINS = 4_096;

interface Origin {
  /** Up to here the log has had everything. */
  have: number;
  readonly items: Numbered<RetainedItem>;
}

/** All origins that the log knows: how far it has got with each, and the events that it still holds, by their numbers. */
export class Origins {
  readonly #self: string;
  /** This run first, then in the order in which they were last heard of. */
  readonly #origins = new Map<string, Origin>();

  /** @param self This run. */
  constructor(self: string) {
    this.#self = self;
    this.#add(self);
  }

  /** An origin is there, though it may be quiet: it is remembered as if it had just published. */
  meet(origin: string): void {
    if (this.#origins.has(origin)) this.#refresh(origin);
    else this.#add(origin);
  }

  #add(origin: string): void {
    if (this.#origins.has(origin)) return;
    this.#origins.set(origin, { have: 0, items: new Numbered() });
    if (this.#origins.size > MAX_ORIGINS) this.#forget(origin);
  }

  knows(origin: string): boolean {
    return this.#origins.has(origin);
  }

  have(origin: string): number {
    return this.#origins.get(origin)?.have ?? 0;
  }

  /** Up to where the log has had everything, by origin. */
  vector(): Map<string, number> {
    return new Map([...this.#origins].map(([origin, { have }]) => [origin, have]));
  }

  held(origin: string, n: number): RetainedItem | undefined {
    return this.#origins.get(origin)?.items.get(n);
  }

  /** What is held of an origin beyond a number, in order. */
  *after(origin: string, n: number): Generator<RetainedItem, void, undefined> {
    const found = this.#origins.get(origin);
    if (found === undefined) return;
    const { have, items } = found;
    if (have - n > 2 * items.size) {
      for (const item of items.values()) if (item.n > n) yield item;
      return;
    }
    for (let next = n + 1; next <= have; next++) {
      const item = items.get(next);
      if (item !== undefined) yield item;
    }
  }

  /** Events through `n` need not come any more. */
  advance(origin: string, n: number): void {
    this.#add(origin);
    const found = this.#origins.get(origin);
    if (found !== undefined && n > found.have) found.have = n;
  }

  appended(item: RetainedItem): void {
    this.#add(item.origin);
    const origin = this.#origins.get(item.origin);
    if (origin === undefined) return;
    origin.have = item.n;
    if (item.kind === 'event') origin.items.set(item.n, item);
  }

  evicted(item: RetainedItem): void {
    const items = this.#origins.get(item.origin)?.items;
    // It counts as quiet from now on.
    if (items?.delete(item.n) === true && items.size === 0) this.#refresh(item.origin);
  }

  #refresh(origin: string): void {
    const found = this.#origins.get(origin);
    if (found === undefined || origin === this.#self) return;
    this.#origins.delete(origin);
    this.#origins.set(origin, found);
  }

  /** The one that was quiet longest goes first. */
  #forget(fresh: string): void {
    for (const [name, { items }] of this.#origins) {
      if (items.size > 0 || name === fresh || name === this.#self) continue;
      this.#origins.delete(name);
      return;
    }
  }
}
