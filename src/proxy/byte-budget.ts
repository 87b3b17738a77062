/** A token bucket for bytes: a tenth of a second's worth at once, then a steady rate. */
export class ByteBudget {
  readonly #perMillisecond: number;
  readonly #burst: number;
  #tokens: number;
  #updated: number;

  /** @param perSecond Bytes per second, above 0. */
  constructor(perSecond: number, now: number) {
    this.#perMillisecond = perSecond / 1000;
    this.#burst = Math.max(1, perSecond / 10);
    this.#tokens = this.#burst;
    this.#updated = now;
  }

  /** How many of `wanted` bytes may pass now. */
  take(wanted: number, now: number): number {
    if (now > this.#updated) {
      this.#tokens = Math.min(this.#burst, this.#tokens + (now - this.#updated) * this.#perMillisecond);
      this.#updated = now;
    }
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Milliseconds until it is worth to ask again for `wanted` bytes: until they may pass, or a full burst. */
  delay(wanted: number): number {
    const missing = Math.min(wanted, Math.floor(this.#burst)) - this.#tokens;
    return Math.max(0, Math.ceil(missing / this.#perMillisecond));
  }
}
