import { Alarm } from '../clock/alarm.js';
import type { Clock, Timer } from '../clock/clock.js';
import type { WebSocketLike } from './web-socket.js';

const FIRST_POLL = 1;
const LONGEST_POLL = 64;

/** What a {@link DrainWatch} reports. */
export interface DrainEvents {
  /** The WebSocket may have room. */
  progress(): void;
  /** It handed on nothing for the time allowed. */
  stalled(): void;
}

/**
 * Watches `bufferedAmount`, for which a WebSocket has no event: by timers, that run only while it is above zero, and more
 * often only while somebody waits for room.
 */
export class DrainWatch {
  readonly #socket: WebSocketLike;
  readonly #clock: Clock;
  readonly #events: DrainEvents;
  readonly #checkPeriod: number;
  readonly #stall: Alarm;
  #watching = false;
  /** Bytes sent, ever. */
  #sent = 0;
  /** Of these, what the WebSocket had handed on at the last check. */
  #taken = 0;
  #idleChecks = 0;
  #timer: Timer | undefined;
  #delay = FIRST_POLL;

  /** @param timeout milliseconds without progress, 0 for any. */
  constructor(socket: WebSocketLike, clock: Clock, timeout: number, events: DrainEvents) {
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
    this.#checkPeriod = timeout / 2;
    this.#stall = new Alarm(clock, () => this.#check());
  }

  /** This many bytes were sent. */
  watch(bytes: number): void {
    this.#sent += bytes;
    if (this.#watching || this.#checkPeriod === 0) return;
    this.#watching = true;
    this.#taken = this.#sent - this.#socket.bufferedAmount;
    this.#idleChecks = 0;
    this.#stall.set(this.#clock.now() + this.#checkPeriod);
  }

  /** Somebody waits for room: looks again soon, and then less and less often until there was some progress. */
  poll(): void {
    if (this.#timer !== undefined) return;
    const before = this.#socket.bufferedAmount;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#delay = this.#socket.bufferedAmount < before ? FIRST_POLL : Math.min(this.#delay * 2, LONGEST_POLL);
      this.#events.progress();
    }, this.#delay);
  }

  close(): void {
    this.#timer?.cancel();
    this.#stall.cancel();
    this.#watching = true;
  }

  /** Two checks in a row must find nothing moved: the first after a page was frozen comes before anything could move. */
  #check(): void {
    const { bufferedAmount } = this.#socket;
    if (bufferedAmount === 0) {
      this.#watching = false;
      return;
    }
    const taken = this.#sent - bufferedAmount;
    this.#idleChecks = taken > this.#taken ? 0 : this.#idleChecks + 1;
    this.#taken = taken;
    if (this.#idleChecks >= 2) this.#events.stalled();
    else this.#stall.set(this.#clock.now() + this.#checkPeriod);
  }
}
