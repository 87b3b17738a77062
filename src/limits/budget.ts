/** A token bucket: allows a burst, then a steady rate. What a peer can make this side do spends from one. */
export class Budget {
  readonly #burst: number;
  readonly #perMillisecond: number;
  #tokens: number;
  #updated: number;

  constructor(burst: number, perSecond: number, now: number) {
    this.#burst = burst;
    this.#perMillisecond = perSecond / 1000;
    this.#tokens = burst;
    this.#updated = now;
  }

  /** Takes one token; `false` when there was none. */
  spend(now: number): boolean {
    if (now > this.#updated) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#updated) * this.#perMillisecond);
      this.#updated = now;
    }
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
