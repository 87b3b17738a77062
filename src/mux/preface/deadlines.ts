import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';

/** Things that each have the same time from when they were added; one timer for all. */
export class Deadlines<T> {
  readonly #clock: Clock;
  readonly #milliseconds: number;
  readonly #alarm: Alarm;
  /** In the order of their deadlines. */
  readonly #pending = new Map<T, number>();

  constructor(clock: Clock, milliseconds: number, expired: (item: T) => void) {
    this.#clock = clock;
    this.#milliseconds = milliseconds;
    this.#alarm = new Alarm(clock, () => {
      const now = clock.now();
      for (const [item, deadline] of this.#pending) {
        if (deadline > now) break;
        this.#pending.delete(item);
        expired(item);
      }
      this.#arm();
    });
  }

  get size(): number {
    return this.#pending.size;
  }

  add(item: T): void {
    this.#pending.set(item, this.#clock.now() + this.#milliseconds);
    this.#arm();
  }

  delete(item: T): void {
    if (this.#pending.delete(item)) this.#arm();
  }

  close(): void {
    this.#pending.clear();
    this.#alarm.cancel();
  }

  #arm(): void {
    const [first] = this.#pending.values();
    this.#alarm.set(first);
  }
}
