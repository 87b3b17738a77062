import { Alarm } from '../../clock/alarm.js';
import type { Link } from '../link/link.js';
import { holdsAny, type MeshLog } from './log-view.js';

/** Whether the handover was complete: every event that this pod holds is held by a pod that stays. */
export type DrainResult = 'handed-over' | 'alone' | 'timeout';

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
  readonly #alarm: Alarm;
  readonly #finished: (result: DrainResult) => void;
  #over = false;

  constructor(host: DrainHost, timeout: number, finished: (result: DrainResult) => void) {
    this.#host = host;
    this.#finished = finished;
    this.#until = host.log.clock.now() + timeout;
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
    const lacking = [...log.have()].some(
      ([origin, n]) =>
        n > 0 &&
        !staying.some(({ peerHas, origin: peer }) => peer === origin || (peerHas.get(origin) ?? 0) >= n) &&
        holdsAny(log, origin),
    );
    if (!lacking && staying.length > 0 && !this.#host.holdsBack()) return this.#finish('handed-over');
    if (log.clock.now() >= this.#until) return this.#finish('timeout');
    this.#alarm.set(this.#until);
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
