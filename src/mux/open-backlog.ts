import { Fifo } from './fifo.js';

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Given up, or served. */
  over: boolean;
}

/**
 * Holds back new streams while too many have no answer yet: hashicorp/yamux takes so many in advance and resets the rest,
 * which it would have served a moment later.
 */
export class OpenBacklog {
  readonly #limit: number;
  readonly #waiters = new Fifo<Waiter>();
  #unanswered = 0;
  /** Turns that were given and not yet used. */
  #granted = 0;
  #closed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Whether a stream may be opened without waiting. */
  get free(): boolean {
    return this.#closed || this.#unanswered + this.#granted < this.#limit;
  }

  /** Settles when a stream may be opened; {@link used} has to follow in any case. Rejects with the abort reason. */
  async turn(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { resolve, reject, over: false };
      signal.addEventListener('abort', () => this.#giveUp(waiter, signal.reason), { once: true });
      this.#waiters.push(waiter);
    });
    if (!signal.aborted) return;
    this.used();
    throw signal.reason;
  }

  /** The turn is over, whether a stream was opened or not. */
  used(): void {
    this.#granted--;
    this.#grant();
  }

  opened(): void {
    this.#unanswered++;
  }

  answered(): void {
    this.#unanswered--;
    this.#grant();
  }

  /** Lets everybody go on, to hear from the connection that it takes no more streams. */
  close(): void {
    this.#closed = true;
    this.#grant();
  }

  #grant(): void {
    while (this.free && this.#waiters.length > 0) {
      const waiter = this.#waiters.shift();
      if (waiter === undefined || waiter.over) continue;
      waiter.over = true;
      this.#granted++;
      waiter.resolve();
    }
  }

  #giveUp(waiter: Waiter, reason: unknown): void {
    if (waiter.over) return;
    waiter.over = true;
    waiter.reject(reason);
  }
}
