/** Ranges kept; past it the oldest counts as used. */
const MOST_RANGES = 256;

/**
 * Which ids the peer has opened. They grow, but need not come in order: hashicorp/yamux takes an id and sends its SYN in
 * two steps, so streams that are opened by several goroutines at once overtake each other.
 */
export class InboundIds {
  #last: number;
  /** Below the highest, ids that were passed over, first and last of each range; ascending. */
  #skipped: (readonly [first: number, last: number])[] = [];

  /** @param first the lowest id of the peer. */
  constructor(first: number) {
    this.#last = first - 2;
  }

  /** Takes note of a new stream; `false`: its id was used before, or passed over too long ago. */
  open(id: number): boolean {
    if (id > this.#last) {
      if (id > this.#last + 2) this.#skip([this.#last + 2, id - 2]);
      this.#last = id;
      return true;
    }
    const index = this.#rangeOf(id);
    const range = this.#skipped[index];
    if (range === undefined) return false;
    const [first, last] = range;
    const rest: [number, number][] = [];
    if (first < id) rest.push([first, id - 2]);
    if (id < last) rest.push([id + 2, last]);
    this.#skipped.splice(index, 1, ...rest);
    if (this.#skipped.length > MOST_RANGES) this.#skipped.shift();
    return true;
  }

  /** Whether there was such a stream. */
  opened(id: number): boolean {
    return id <= this.#last && this.#rangeOf(id) < 0;
  }

  #skip(range: readonly [number, number]): void {
    this.#skipped.push(range);
    if (this.#skipped.length > MOST_RANGES) this.#skipped.shift();
  }

  #rangeOf(id: number): number {
    return this.#skipped.findLastIndex(([first, last]) => first <= id && id <= last);
  }
}
