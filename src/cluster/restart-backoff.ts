import type { Clock } from '../clock/clock.js';

const FIRST = 1_000;
const LONGEST = 60_000;
/** A process that ran this long is taken for well, and the pauses start over. */
const WELL_AFTER = 60_000;

/** Pauses before restarts: none at first, then 1 s, 2 s and so on to 60 s. The kubelet's go from 10 s to 5 min. */
export class Backoff {
  readonly #clock: Clock;
  #startedAt = 0;
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The process was started. */
  started(): void {
    this.#startedAt = this.#clock.now();
  }

  /** Its end will be no fault of its own: there is no pause after it, and the pauses start over. */
  forgive(): void {
    this.#next = 0;
  }

  /** The process is over; milliseconds to wait until it is started again. */
  next(): number {
    if (this.#clock.now() - this.#startedAt >= WELL_AFTER) this.#next = 0;
    const pause = this.#next;
    this.#next = Math.min(LONGEST, Math.max(FIRST, pause * 2));
    return pause;
  }
}
