import type { Clock } from '../clock/clock.js';
import type { PodState } from '../mesh/protocol/messages.js';
import { LogClosedError } from '../push/log/errors.js';
import type { EventLog } from '../push/log/event-log.js';
import type { Follower, FollowOptions, LogEvent } from '../push/log/types.js';
import type { KeyLog } from '../push/longpoll/types.js';

/**
 * The log of a pod, for those who follow: closed while the pod is not ready. So handlers answer as they do while a server goes
 * away, and nobody is served from a history that is not complete yet, nor by a pod that is about to leave.
 */
export class ReadyLog implements KeyLog {
  readonly #log: EventLog;
  readonly #state: () => PodState;

  constructor(log: EventLog, state: () => PodState) {
    this.#log = log;
    this.#state = state;
  }

  get clock(): Clock {
    return this.#log.clock;
  }

  get origin(): string {
    return this.#log.origin;
  }

  get index(): number {
    return this.#log.index;
  }

  follow<F>(options: FollowOptions<F>): Follower<F> {
    return this.#open().follow(options);
  }

  cursor(streams: string | readonly string[]): string {
    return this.#log.cursor(streams);
  }

  checkCursor(cursor: string): void {
    this.#log.checkCursor(cursor);
  }

  oldestIndex(streams: string | readonly string[]): number {
    return this.#log.oldestIndex(streams);
  }

  history(streams: string | readonly string[]): readonly LogEvent[] {
    return this.#open().history(streams);
  }

  newest(stream: string): LogEvent | undefined {
    return this.#open().newest(stream);
  }

  #open(): EventLog {
    const state = this.#state();
    if (state !== 'ready') throw new LogClosedError(`the pod is ${state}`);
    return this.#log;
  }
}
