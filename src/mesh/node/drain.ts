import { Alarm } from '../../clock/alarm.js';
import type { Link } from '../link/link.js';
import { holdsAny, type MeshLog } from './log-view.js';

/**
 * `handed-over`: every event that this pod holds is held by a pod that stays. `alone`: there is no pod that stays; those that
 * leave too, if there are any, hold all of them. `timeout`: neither, when time was up.
 */
export type DrainResult = 'handed-over' | 'alone' | 'timeout';

/**
 * Share of the time for which pods that all leave wait for one that comes. Where they are replaced, and not just ended, it is
 * about to come, and would find nobody to copy from.
 */
const SHARE_FOR_NEW_PODS = 0.25;

/** What draining needs of its pod. */
export interface DrainHost {
  readonly log: MeshLog;
  links(): Iterable<Link>;
  /** Whether every peer is linked or was dialled in vain. */
  allTried(): boolean;
  /** Whether events are held back until those before them have come, or are known to be lost. */
  holdsBack(): boolean;
}

/** Waits until nothing would be lost if this pod went away. */
export class Drain {
  readonly #host: DrainHost;
  readonly #until: number;
  /** Milliseconds to wait for a pod that stays, when all others leave. */
  readonly #patience: number;
  /** Since when all others leave, and hold all that this pod holds. */
  #togetherSince: number | undefined;
  readonly #alarm: Alarm;
  readonly #finished: (result: DrainResult) => void;
  #over = false;

  constructor(host: DrainHost, timeout: number, finished: (result: DrainResult) => void) {
    this.#host = host;
    this.#finished = finished;
    this.#until = host.log.clock.now() + timeout;
    this.#patience = timeout * SHARE_FOR_NEW_PODS;
    this.#alarm = new Alarm(host.log.clock, () => this.check());
  }

  /** Links, states or vectors have changed, or time has passed. */
  check(): void {
    if (this.#over) return;
    const { log } = this.#host;
    const links = [...this.#host.links()];
    // A pod that begins to drain is none to hand anything to. Of two that begin at the same time neither may count on the
    // other: who has heard that this one leaves, and did not say the same before, stays at least until all is handed over.
    const staying = links.filter(({ peerState, toldStateHeard }) => peerState !== 'draining' && toldStateHeard);
    if (links.length === 0 && this.#host.allTried()) return this.#finish('alone');
    const now = log.clock.now();
    if (!this.#host.holdsBack()) {
      const origins = [...log.have()].filter(([origin, n]) => n > 0 && holdsAny(log, origin));
      const handedOver = origins.every((each) => staying.some((link) => has(link, each)));
      if (handedOver && staying.length > 0) return this.#finish('handed-over');
      const together = links.every((link) => link.peerState === 'draining' && origins.every((each) => has(link, each)));
      if (!together || !this.#host.allTried()) this.#togetherSince = undefined;
      else this.#togetherSince ??= now;
    }
    if (now >= (this.#togetherSince ?? Infinity) + this.#patience) return this.#finish('alone');
    if (now >= this.#until) return this.#finish('timeout');
    this.#alarm.set(Math.min(this.#until, (this.#togetherSince ?? Infinity) + this.#patience));
  }

  #finish(result: DrainResult): void {
    this.#over = true;
    this.#alarm.cancel();
    this.#finished(result);
  }

  close(): void {
    this.#over = true;
    this.#alarm.cancel();
  }
}

/** Whether the other pod holds what this one holds of an origin. */
function has({ peerHas, origin: peer }: Link, [origin, n]: readonly [string, number]): boolean {
  return peer === origin || (peerHas.get(origin) ?? 0) >= n;
}
