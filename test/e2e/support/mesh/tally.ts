import type { PublishedTable } from './messages.js';

/** What one client has received, in its order. */
export class Tally {
  #order = new Uint32Array(4_096);
  #count = 0;
  #seen = new Uint8Array(4_096);
  /** Events that came more than once. */
  repeats = 0;
  /** Events that are required and have not come; known from `expect` on. */
  missing: number = Infinity;
  #required: readonly number[] | undefined;

  get received(): number {
    return this.#count;
  }

  add(index: number): void {
    if (index >= this.#seen.length) this.#seen = grown(this.#seen, new Uint8Array(2 * index));
    if (this.#seen[index] === 1) {
      this.repeats += 1;
      return;
    }
    this.#seen[index] = 1;
    if (this.#count === this.#order.length) this.#order = grown(this.#order, new Uint32Array(2 * this.#count));
    this.#order[this.#count] = index;
    this.#count += 1;
    if (this.#required?.[index] === 1) this.missing -= 1;
  }

  /** Says which events must come. */
  expect(required: readonly number[]): void {
    this.#required = required;
    this.missing = this.lacking(required.length).length;
  }

  /** The first of those that are required and have not come. */
  lacking(most: number): number[] {
    const lacking: number[] = [];
    for (const [index, required] of (this.#required ?? []).entries()) {
      if (required === 1 && this.#seen[index] !== 1 && lacking.length < most) lacking.push(index);
    }
    return lacking;
  }

  /** Pairs of events of one origin, the later one first. */
  disorder({ origin, n }: PublishedTable): { readonly before: number; readonly after: number }[] {
    const last = new Map<number, number>();
    const found: { before: number; after: number }[] = [];
    for (const index of this.#order.subarray(0, this.#count)) {
      const from = origin[index] ?? -1;
      if (from === -1) continue;
      const before = last.get(from);
      if (before !== undefined && (n[before] ?? 0) >= (n[index] ?? 0)) found.push({ before, after: index });
      last.set(from, index);
    }
    return found;
  }

  /** Events that came though they were not required. */
  extra({ required }: PublishedTable): number {
    let extra = 0;
    for (const index of this.#order.subarray(0, this.#count)) if (required[index] !== 1) extra += 1;
    return extra;
  }
}

function grown<T extends Uint8Array | Uint32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
