import type { Clock, Timer } from '../../src/clock/clock.js';

/** A pod's own clock: it began at another time than the world's, and goes a little faster or slower. */
export class SkewedClock implements Clock {
  readonly #world: Clock;
  readonly #offset: number;
  readonly #speed: number;

  /** @param speed Its milliseconds in one of the world's. */
  constructor(world: Clock, offset: number, speed: number) {
    this.#world = world;
    this.#offset = offset;
    this.#speed = speed;
  }

  now(): number {
    return this.#offset + this.#world.now() * this.#speed;
  }

  setTimeout(callback: () => void, milliseconds: number): Timer {
    // Whole ones, as timers have them: what is rounded down would be early for ever.
    return this.#world.setTimeout(callback, Math.ceil(Math.max(0, milliseconds) / this.#speed));
  }
}
