import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';

/** A watch, as its timetable sees it. */
export interface TimedWatch {
  /** When it ends, in the clock's milliseconds; `Infinity` for never. */
  readonly deadline: number;
  end(): void;
  /** Sends a bookmark; absent when the client wants none. */
  readonly bookmark?: () => void;
}

/** Ends watches in time and has them send bookmarks: one timer for all. */
export class Timetable {
  readonly #clock: Clock;
  readonly #interval: number;
  readonly #alarm: Alarm;
  readonly #watches = new Set<TimedWatch>();
  #nextBookmarks = Infinity;
  #next = Infinity;

  /** @param interval Milliseconds between bookmarks; 0: none. */
  constructor(clock: Clock, interval: number) {
    this.#clock = clock;
    this.#interval = interval;
    this.#alarm = new Alarm(clock, () => this.#ring());
  }

  add(watch: TimedWatch): void {
    this.#watches.add(watch);
    if (watch.bookmark !== undefined && this.#interval > 0 && this.#nextBookmarks === Infinity) {
      this.#nextBookmarks = this.#clock.now() + this.#interval;
    }
    this.#ringAt(Math.min(this.#next, watch.deadline, this.#nextBookmarks));
  }

  remove(watch: TimedWatch): void {
    this.#watches.delete(watch);
    if (this.#watches.size > 0) return;
    this.#nextBookmarks = Infinity;
    this.#next = Infinity;
    this.#alarm.cancel();
  }

  #ring(): void {
    const now = this.#clock.now();
    const bookmarks = this.#nextBookmarks <= now;
    if (bookmarks) this.#nextBookmarks = now + this.#interval;
    let next = this.#nextBookmarks;
    for (const watch of this.#watches) {
      const { deadline } = watch;
      if (deadline <= now) {
        this.#watches.delete(watch);
        watch.end();
      } else {
        next = Math.min(next, deadline);
        if (bookmarks) watch.bookmark?.();
      }
    }
    this.#ringAt(next);
  }

  #ringAt(time: number): void {
    this.#next = time;
    this.#alarm.set(time);
  }
}
