import { LimitExceededError } from '../errors/index.js';
import { Budget } from '../limits/budget.js';
import type { Limits } from '../limits/limits.js';

/** What a peer can make a machine do without sending anything of use, each bounded by a burst and a rate. */
export class PeerBudgets {
  readonly #limits: Limits;
  readonly #resets: Budget;
  readonly #emptyFrames: Budget;

  constructor(limits: Limits, now: number) {
    this.#limits = limits;
    this.#resets = new Budget(limits.resetBurst, limits.resetsPerSecond, now);
    this.#emptyFrames = new Budget(limits.emptyFrameBurst, limits.emptyFramesPerSecond, now);
  }

  /** A stream was reset while being served. @throws LimitExceededError when that happened too often. */
  spendReset(now: number): void {
    if (this.#resets.spend(now)) return;
    const { resetBurst, resetsPerSecond } = this.#limits;
    throw new LimitExceededError(
      'resetBurst',
      `too many streams were reset while being served (burst ${resetBurst}, ${resetsPerSecond}/s)`,
      { initiator: 'remote' },
    );
  }

  /** A frame had no effect. @throws LimitExceededError when there were too many. */
  spendEmpty(what: string, now: number): void {
    if (this.#emptyFrames.spend(now)) return;
    throw new LimitExceededError('emptyFrameBurst', `too many frames without effect, the last: ${what}`, {
      initiator: 'remote',
    });
  }
}
