import type { Clock, Timer } from '../../clock/clock.js';

/** The shortest wait, so that a busy log does not wake up for each event. */
const LEAST_WAIT = 1_000;

/** Wakes the log when its oldest event has reached the age bound. It never keeps a process alive. */
export class Expiry {
  readonly #clock: Clock;
  readonly #expire: () => void;
  #timer: Timer | undefined;

  constructor(clock: Clock, expire: () => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** Sets the timer for a moment, unless one is set already: what it wakes up for sets the next. */
  arm(at: number | undefined): void {
    if (at === undefined || this.#timer !== undefined) return;
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#timer = undefined;
        this.#expire();
      },
      Math.max(LEAST_WAIT, at - this.#clock.now()),
    );
    this.#timer.unref?.();
  }

  cancel(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
