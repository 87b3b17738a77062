/** Milliseconds of which a rate is made at least: of a shorter time it would be a guess. */
const SHORTEST = 500;

/** Makes events per second out of counters that are looked at now and then. */
export class Rates {
  readonly #last = new Map<string, { readonly value: number; readonly at: number; rate: number; round: number }>();
  #round = 0;

  /** A new look at all counters begins; those that the last one did not touch are forgotten. */
  begin(): void {
    for (const [key, { round }] of this.#last) if (round < this.#round) this.#last.delete(key);
    this.#round += 1;
  }

  /**
   * How much a counter has grown per second since the last look; 0 at the first, and when it went back.
   *
   * @param at When it was read, in milliseconds.
   */
  of(key: string, value: number, at: number): number {
    const last = this.#last.get(key);
    const elapsed = last === undefined ? 0 : at - last.at;
    if (last !== undefined && elapsed < SHORTEST) {
      last.round = this.#round;
      return last.rate;
    }
    const rate = last === undefined ? 0 : (Math.max(0, value - last.value) * 1_000) / elapsed;
    this.#last.set(key, { value, at, rate, round: this.#round });
    return rate;
  }
}
