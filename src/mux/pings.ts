import type { Clock } from '../clock/clock.js';

interface Waiter {
  readonly sentAt: number;
  resolve(roundTrip: number): void;
  reject(error: Error): void;
}

/** Pings whose answer somebody waits for. */
export class Pings {
  readonly #clock: Clock;
  readonly #send: () => number;
  readonly #waiters = new Map<number, Waiter>();

  /** @param send sends a ping and returns its id. */
  constructor(clock: Clock, send: () => number) {
    this.#clock = clock;
    this.#send = send;
  }

  /** Resolves with the round trip in milliseconds; rejects when closed first, or with the abort reason. */
  async ping(signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    const id = this.#send();
    const abort = (): void => this.#waiters.get(id)?.reject(signal?.reason as Error);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await new Promise<number>((resolve, reject) => {
        this.#waiters.set(id, { sentAt: this.#clock.now(), resolve, reject });
      });
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#waiters.delete(id);
    }
  }

  answered(id: number): void {
    const waiter = this.#waiters.get(id);
    if (waiter !== undefined) waiter.resolve(this.#clock.now() - waiter.sentAt);
  }

  close(error: Error): void {
    for (const waiter of this.#waiters.values()) waiter.reject(error);
  }
}
