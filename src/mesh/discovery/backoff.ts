/** How waits between attempts grow. */
export interface BackoffBounds {
  /** The first wait, in milliseconds. */
  readonly min: number;
  /** The longest wait, in milliseconds. */
  readonly max: number;
}

/** Waits that double with each attempt up to a bound, shortened at random by up to a half, so that pods spread. */
export class Backoff {
  readonly #bounds: BackoffBounds;
  readonly #random: () => number;
  #wait: number;

  /** @param random In [0, 1). */
  constructor(bounds: BackoffBounds, random: () => number) {
    this.#bounds = bounds;
    this.#random = random;
    this.#wait = bounds.min;
  }

  /** Milliseconds until the next attempt. */
  next(): number {
    const wait = this.#wait;
    this.#wait = Math.min(this.#bounds.max, wait * 2);
    return wait * (1 - this.#random() / 2);
  }

  /** An attempt succeeded: the next wait is the first again. */
  reset(): void {
    this.#wait = this.#bounds.min;
  }
}
