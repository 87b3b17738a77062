import type { Clock, Timer } from '../clock/clock.js';

/** What a {@link Watchdog} asks of what it watches. */
export interface Watched {
  /** Asks the server for a sign of life. May reject. */
  ping(): Promise<unknown>;
  /** A number that changes with everything that arrives. */
  progress(): number;
  /** Nothing came for this long. */
  dead(milliseconds: number): void;
}

/** How often per timeout it looks: time in which this process did not run must not count as silence. */
const LOOKS = 6;

/**
 * Finds out that a server is dead also while data is under way, when the answer to a ping may be long in coming: neither
 * an answer nor anything else came for the whole timeout.
 */
export class Watchdog {
  readonly #clock: Clock;
  readonly #timeout: number;
  readonly #watched: Watched;
  #timer: Timer | undefined;
  #asked = false;
  #missed = 0;
  #progress: number;

  constructor(clock: Clock, timeout: number, watched: Watched) {
    this.#clock = clock;
    this.#timeout = timeout;
    this.#watched = watched;
    this.#progress = watched.progress();
    this.#wait();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #wait(): void {
    this.#timer = this.#clock.setTimeout(() => this.#look(), this.#timeout / LOOKS);
  }

  #look(): void {
    const progress = this.#watched.progress();
    if (progress !== this.#progress) this.#missed = 0;
    this.#progress = progress;
    if (this.#missed >= LOOKS) {
      this.#timer = undefined;
      this.#watched.dead(this.#timeout);
      return;
    }
    this.#missed++;
    if (!this.#asked) this.#ask();
    this.#wait();
  }

  #ask(): void {
    this.#asked = true;
    this.#watched.ping().then(
      () => {
        this.#asked = false;
        this.#missed = 0;
      },
      () => {
        this.#asked = false;
      },
    );
  }
}
