import { Alarm } from '../clock/alarm.js';
import type { Clock } from '../clock/clock.js';

/** How many pings in a row a dead peer has to miss. */
const PINGS_MISSED = 5;

/** What a {@link Keepalive} needs of its connection. */
export interface KeepaliveHost {
  sendPing(): void;
  /** Whether an answer could be seen and could be expected: we read, we are not behind with writing. */
  answerable(): boolean;
  /** The peer gave no sign of life. */
  peerDead(milliseconds: number): void;
}

/**
 * Pings a silent peer and finds out that it is dead.
 *
 * After a period of silence several pings are spread over the timeout, because one proves nothing: moby/spdystream
 * answers a ping from one of five workers in turn, and a worker is blocked while the application leaves a stream unread.
 */
export class Keepalive {
  readonly #clock: Clock;
  readonly #period: number;
  readonly #timeout: number;
  readonly #host: KeepaliveHost;
  readonly #alarm: Alarm;
  #missed = 0;
  #silentSince: number;

  constructor(clock: Clock, period: number, timeout: number, host: KeepaliveHost) {
    this.#clock = clock;
    this.#period = period;
    this.#timeout = timeout;
    this.#host = host;
    this.#silentSince = clock.now();
    this.#alarm = new Alarm(clock, () => this.#check());
    if (period > 0) this.#alarm.set(this.#silentSince + period);
  }

  /** Something arrived. */
  heard(now: number): void {
    this.#silentSince = now;
    this.#missed = 0;
  }

  close(): void {
    this.#alarm.cancel();
  }

  #check(): void {
    const now = this.#clock.now();
    if (this.#missed === 0 && now < this.#silentSince + this.#period) {
      this.#alarm.set(this.#silentSince + this.#period);
      return;
    }
    if (!this.#host.answerable()) {
      // Pings go on: a write is how a paused socket learns that the peer is gone.
      this.#missed = 0;
      this.#silentSince = now;
      this.#host.sendPing();
      this.#alarm.set(now + this.#period);
      return;
    }
    if (this.#timeout > 0 && this.#missed >= PINGS_MISSED) {
      this.#host.peerDead(now - this.#silentSince);
      return;
    }
    this.#missed++;
    this.#host.sendPing();
    this.#alarm.set(now + (this.#timeout > 0 ? Math.min(this.#period, this.#timeout / PINGS_MISSED) : this.#period));
  }
}
