import type { Limits } from '../../limits/limits.js';
import { INITIAL_WINDOW } from './constants.js';

/** The part of a stream that a {@link ReceiveBudget} looks at. */
export interface WindowHolder {
  readonly inbound: boolean;
  readonly window: number;
}

/**
 * What the peer may make a connection hold, over all streams: `limits.receiveBudgetBytes`. yamux itself has no window of
 * the connection, so windows are given out against this account.
 *
 * A stream that the peer opens costs its window; one that we open was our own decision, and costs only what its window
 * has grown by. Growth leaves room for `limits.acceptBacklog` new streams.
 */
export class ReceiveBudget {
  readonly #limits: Limits;
  /** What finished streams still hold unread. */
  readonly #held: () => number;
  #committed = 0;
  #inbound = 0;

  constructor(limits: Limits, held: () => number) {
    this.#limits = limits;
    this.#held = held;
  }

  /** Bytes given out. */
  get committed(): number {
    return this.#committed;
  }

  /** Whether the peer may open one more stream. */
  get admits(): boolean {
    return this.#committed + INITIAL_WINDOW + this.#held() <= this.#limits.receiveBudgetBytes;
  }

  open(stream: WindowHolder): void {
    if (!stream.inbound) return;
    this.#inbound++;
    this.#committed += stream.window;
  }

  close(stream: WindowHolder): void {
    if (stream.inbound) {
      this.#inbound--;
      this.#committed -= stream.window;
    } else {
      this.#committed -= stream.window - INITIAL_WINDOW;
    }
  }

  /**
   * How much the window of a stream may grow now, at most by `most`; negative: by how much it should shrink, because
   * room for new streams has become scarce.
   */
  growth(window: number, most: number): number {
    const { acceptBacklog, maxStreams, maxStreamWindowBytes, receiveBudgetBytes } = this.#limits;
    const reserve = Math.min(acceptBacklog, Math.max(0, maxStreams - this.#inbound)) * INITIAL_WINDOW;
    const spare = receiveBudgetBytes - this.#committed - this.#held() - reserve;
    if (spare >= 0) return Math.max(0, Math.min(most, spare, maxStreamWindowBytes - window));
    return -Math.min(window / 2, window - INITIAL_WINDOW, -spare);
  }

  /** Takes note of a window that has changed by `bytes`. */
  changed(bytes: number): void {
    this.#committed += bytes;
  }
}
