import type { Clock, Timer } from './clock.js';

/**
 * Calls back once when a deadline has passed. Moving the deadline later, which happens per frame, costs a store and no
 * timer operation.
 */
export class Alarm {
  readonly #clock: Clock;
  readonly #callback: () => void;
  #deadline = Infinity;
  #timer: Timer | undefined;
  #timerAt = Infinity;

  constructor(clock: Clock, callback: () => void) {
    this.#clock = clock;
    this.#callback = callback;
  }

  /** Sets the deadline, in the clock's milliseconds; `Infinity` or `undefined` clears it. */
  set(deadline: number | undefined): void {
    this.#deadline = deadline ?? Infinity;
    if (this.#deadline < this.#timerAt) this.#arm();
  }

  /** Moves a deadline that is set; does nothing otherwise. */
  postpone(deadline: number): void {
    if (this.#deadline !== Infinity) this.set(deadline);
  }

  /** Clears the deadline and lets go of the timer. */
  cancel(): void {
    this.#deadline = Infinity;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerAt = Infinity;
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timerAt = this.#deadline;
    this.#timer = this.#clock.setTimeout(() => this.#fire(), Math.max(0, this.#deadline - this.#clock.now()));
  }

  #fire(): void {
    this.#timer = undefined;
    this.#timerAt = Infinity;
    if (this.#deadline === Infinity) return;
    if (this.#clock.now() < this.#deadline) return this.#arm();
    this.#deadline = Infinity;
    this.#callback();
  }
}
