import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import type { HeartbeatOptions } from './options.js';

/** Where pings go. */
export interface PingTarget {
  /** `sent` is called when the ping is with the kernel. */
  ping(sent: () => void): void;
  /** Nothing came for the timeout. */
  pingTimeout(milliseconds: number): void;
}

/** Sends a ping per period and watches that frames arrive. A ping is left out while the one before is still queued. */
export class Heartbeat {
  readonly #clock: Clock;
  readonly #options: HeartbeatOptions;
  readonly #target: PingTarget;
  readonly #pinging: Alarm;
  readonly #deadline: Alarm;
  #queued = false;
  #suspended = false;
  #stopped = false;

  constructor(clock: Clock, options: HeartbeatOptions, target: PingTarget) {
    this.#clock = clock;
    this.#options = options;
    this.#target = target;
    this.#pinging = new Alarm(clock, () => this.#ping());
    this.#deadline = new Alarm(clock, () => target.pingTimeout(options.timeout));
    this.#pinging.set(clock.now() + options.period);
    this.received(clock.now());
  }

  /** A frame came. */
  received(now: number): void {
    if (!this.#suspended) this.#deadline.set(now + this.#options.timeout);
  }

  /** This side stops reading, so that nothing can arrive. */
  suspend(): void {
    this.#suspended = true;
    this.#deadline.set(undefined);
  }

  resume(): void {
    // What is still read after the end must not set a timer again.
    if (this.#stopped) return;
    this.#suspended = false;
    this.received(this.#clock.now());
  }

  stop(): void {
    this.#stopped = true;
    this.#suspended = true;
    this.#pinging.cancel();
    this.#deadline.cancel();
  }

  #ping(): void {
    this.#pinging.set(this.#clock.now() + this.#options.period);
    if (this.#queued) return;
    this.#queued = true;
    this.#target.ping(() => {
      this.#queued = false;
    });
  }
}

/** Answers pings, with at most one answer waiting to be sent: the latest will do (RFC 6455, 5.5.3). */
export class Ponger {
  readonly #pong: (payload: Buffer, sent: () => void) => void;
  #queued = false;
  #next: Buffer | undefined;

  constructor(pong: (payload: Buffer, sent: () => void) => void) {
    this.#pong = pong;
  }

  answer(payload: Buffer): void {
    if (this.#queued) {
      this.#next = payload;
      return;
    }
    this.#queued = true;
    this.#pong(payload, () => {
      this.#queued = false;
      const next = this.#next;
      this.#next = undefined;
      if (next !== undefined) this.answer(next);
    });
  }
}
