import { InvalidArgumentError } from '../errors/index.js';
import { secureFraction } from '../random/secure-fraction.js';

/** Waiting beyond the reconnection time, which WHATWG HTML 9.2.3 leaves to the client. */
export interface BackoffOptions {
  /** What the wait grows by with each attempt that failed in a row. Default 2; 1 turns growth off. */
  readonly factor?: number;
  /** Bound of the grown wait, in milliseconds; a longer reconnection time stays. Default 30,000. */
  readonly max?: number;
  /** Share of a grown wait that is random, 0 to 1: it is shortened by up to this, never below the reconnection time. Default 0.5. */
  readonly jitter?: number;
  /**
   * Milliseconds, up to which a random time is added to every wait, the first included, so that clients whose server
   * stopped do not come back at once. Default 0.
   */
  readonly spread?: number;
  /** Source of numbers in [0, 1). */
  readonly random?: () => number;
}

/** What an attempt must last to count as a good one though it brought no event. */
const GOOD_AFTER = 1_000;

/** The waits between attempts: the reconnection time, and more while attempts keep failing. */
export class ReconnectDelay {
  readonly #factor: number;
  readonly #max: number;
  readonly #jitter: number;
  readonly #spread: number;
  readonly #random: () => number;
  #failures = 0;

  /** @throws InvalidArgumentError for options out of range. */
  constructor(options: BackoffOptions = {}) {
    this.#factor = inRange('factor', options.factor ?? 2, 1);
    this.#max = inRange('max', options.max ?? 30_000, 0);
    this.#jitter = inRange('jitter', options.jitter ?? 0.5, 0, 1);
    this.#spread = inRange('spread', options.spread ?? 0, 0);
    this.#random = options.random ?? secureFraction;
  }

  /** An attempt ended that lasted so many milliseconds since it opened, -1 when it never did, and brought events or not. */
  ended(lasted: number, events: boolean): void {
    this.#failures = events || lasted >= GOOD_AFTER ? 0 : this.#failures + 1;
  }

  /** Milliseconds until the next attempt. */
  next(reconnectTime: number): number {
    let wait = reconnectTime;
    // The first wait after a loss is what the server asked for.
    if (this.#failures > 1 && this.#factor > 1) {
      const grown = Math.min(this.#max, Math.max(reconnectTime, 1) * this.#factor ** Math.min(this.#failures - 1, 64));
      wait = Math.max(reconnectTime, grown * (1 - this.#jitter * this.#random()));
    }
    return wait + this.#spread * this.#random();
  }
}

function inRange(name: string, value: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
  if (typeof value === 'number' && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`${name} must be a number from ${least} to ${most}, not ${String(value)}`);
}
