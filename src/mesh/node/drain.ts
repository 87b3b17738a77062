import { Alarm } from '../../clock/alarm.js';
import type { Link } from '../link/link.js';
import type { MeshLog } from './log-view.js';

/** Whether the handover was complete: every event that this pod holds is held by a pod that stays. */
export type DrainResult = 'handed-over' | 'alone' | 'timeout';

/** Waits until nothing would be lost if this pod went away. */
export class Drain {
  readonly #log: MeshLog;
  readonly #links: () => Iterable<Link>;
  readonly #until: number;
  readonly #alarm: Alarm;
  readonly #finished: (result: DrainResult) => void;
  #over = false;

  constructor(log: MeshLog, links: () => Iterable<Link>, timeout: number, finished: (result: DrainResult) => void) {
    this.#log = log;
    this.#links = links;
    this.#finished = finished;
    this.#until = log.clock.now() + timeout;
    this.#alarm = new Alarm(log.clock, () => this.check());
  }

  /** Links, states or vectors have changed, or time has passed. */
  check(): void {
    if (this.#over) return;
    const links = [...this.#links()];
    // A pod that begins to drain is none to hand anything to.
    const staying = links.filter(({ peerState }) => peerState !== 'draining');
    if (links.length === 0) return this.#finish('alone');
    const lacking = [...this.#log.have()].some(
      ([origin, n]) =>
        n > 0 && !staying.some(({ peerHas, origin: peer }) => peer === origin || (peerHas.get(origin) ?? 0) >= n),
    );
    if (!lacking && staying.length > 0) return this.#finish('handed-over');
    if (this.#log.clock.now() >= this.#until) return this.#finish('timeout');
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
