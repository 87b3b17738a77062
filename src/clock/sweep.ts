import { Alarm } from './alarm.js';
import type { Clock } from './clock.js';

/**
 * Visits each member once per interval, with one timer for all. Members keep the phase at which they joined, so that
 * thousands of them are not visited in one tick unless they joined in one.
 */
export class Sweep<T> {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #visit: (member: T) => void;
  /** When each is due. As the interval is the same for all, the order of insertion is the order of time. */
  readonly #due = new Map<T, number>();
  readonly #alarm: Alarm;

  /** @param interval Milliseconds. */
  constructor(clock: Clock, interval: number, visit: (member: T) => void) {
    this.#clock = clock;
    this.#interval = interval;
    this.#visit = visit;
    this.#alarm = new Alarm(clock, () => this.#run());
  }

  get size(): number {
    return this.#due.size;
  }

  /** The first visit is one interval from now. */
  add(member: T): void {
    this.#due.delete(member);
    this.#due.set(member, this.#clock.now() + this.#interval);
    if (this.#due.size === 1) this.#arm();
  }

  delete(member: T): void {
    this.#due.delete(member);
    if (this.#due.size === 0) this.#alarm.cancel();
  }

  #run(): void {
    const now = this.#clock.now();
    for (const [member, due] of this.#due) {
      if (due > now) break;
      this.#due.delete(member);
      this.#due.set(member, now + this.#interval);
      this.#visit(member);
    }
    this.#arm();
  }

  #arm(): void {
    for (const due of this.#due.values()) return this.#alarm.set(due);
    this.#alarm.cancel();
  }
}
