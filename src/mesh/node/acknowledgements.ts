import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import { TimeoutError } from '../../errors/index.js';
import type { Link } from '../link/link.js';

/** Who has to have an event before its publishing counts: this pod, one other, or all others that are linked. */
export type Ack = 'local' | 'one' | 'all';

/** Called once: with the number of other pods that have the event, or the reason why it is not known. */
export type Settled = (result: number | Error) => void;

/** An event, by the run that has published it and its number there. */
export interface EventKey {
  readonly origin: string;
  readonly n: number;
}

interface Waiting {
  readonly event: EventKey;
  readonly ack: 'one' | 'all';
  readonly timeout: number;
  readonly until: number;
  readonly settled: Settled;
}

/** Through which own number others have acknowledged. */
interface Reach {
  /** Any of those that stay. */
  readonly most: number;
  /** All that serve; `Infinity` when none does. */
  readonly least: number;
}

/** What acknowledgements need of their pod. */
export interface AcknowledgementsHost {
  /** This run. */
  readonly origin: string;
  links(): Iterable<Link>;
  /** Whether every peer is linked or was dialled in vain: a link that is just being replaced is still one. */
  allTried(): boolean;
  /** Whether the pod at the other end is being sent a copy of the history. */
  copies(link: Link): boolean;
}

/** Publishers that wait for other pods. */
export class Acknowledgements {
  readonly #clock: Clock;
  readonly #host: AcknowledgementsHost;
  readonly #alarm: Alarm;
  #waiting: Waiting[] = [];
  /** When the first of them gives up, or sooner. */
  #next = Infinity;
  #closed: Error | undefined;

  constructor(clock: Clock, host: AcknowledgementsHost) {
    this.#clock = clock;
    this.#host = host;
    this.#alarm = new Alarm(clock, () => this.check());
  }

  /** Publishers that wait now. */
  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Settles as soon as enough other pods have an event; with 0 once it is known that no other serves. An event of another
   * pod, that was published again under its key, that pod has, and others as soon as they have told so.
   */
  wait(event: EventKey, ack: Ack, timeout: number, settled: Settled): void {
    if (this.#closed !== undefined) return settled(this.#closed);
    if (ack === 'local') return settled(0);
    const waiting = { event, ack, timeout, until: this.#clock.now() + timeout, settled };
    this.#waiting.push(waiting);
    // The usual case: others serve, and none of them can have it yet.
    if (this.#lacks(waiting, this.#reach())) this.#wakeAt(Math.min(this.#next, waiting.until));
    else this.check();
  }

  /** Links, or what they have acknowledged, have changed. */
  check(): void {
    if (this.#waiting.length === 0) return;
    const others = [...this.#host.links()].filter(({ peerState }) => peerState !== 'draining');
    // Pods that still copy the history do not have to, yet; what they copy has it.
    const serving = others.filter(({ sender, peerState }) => sender.started || peerState === 'ready');
    const alone = serving.length === 0 && others.every((link) => this.#host.copies(link));
    const allTried = this.#host.allTried();
    const reach = this.#reach();
    const now = this.#clock.now();
    let next = Infinity;
    this.#waiting = this.#waiting.filter((waiting) => {
      if (!this.#lacks(waiting, reach)) {
        const have = this.#count(others, waiting.event);
        const enough =
          waiting.ack === 'all'
            ? allTried && this.#count(serving, waiting.event) === serving.length
            : have > 0 || (allTried && alone);
        if (enough) {
          waiting.settled(have);
          return false;
        }
      }
      if (now >= waiting.until) {
        waiting.settled(new TimeoutError('no other pod has acknowledged the event', waiting.timeout));
        return false;
      }
      next = Math.min(next, waiting.until);
      return true;
    });
    this.#wakeAt(next);
  }

  #wakeAt(next: number): void {
    this.#next = next;
    this.#alarm.set(next);
  }

  #reach(): Reach {
    let most = 0;
    let least = Infinity;
    for (const { sender, peerState } of this.#host.links()) {
      if (peerState === 'draining') continue;
      most = Math.max(most, sender.ackedThrough);
      if (sender.started || peerState === 'ready') least = Math.min(least, sender.ackedThrough);
    }
    return { most, least };
  }

  /** Whether it is certain, from the numbers alone, that too few have the event. */
  #lacks({ event, ack }: Waiting, { most, least }: Reach): boolean {
    return least !== Infinity && event.origin === this.#host.origin && event.n > (ack === 'all' ? least : most);
  }

  /** How many of the links lead to pods that have the event. */
  #count(links: readonly Link[], event: EventKey): number {
    let count = 0;
    for (const link of links) if (this.#has(link, event)) count += 1;
    return count;
  }

  #has(link: Link, { origin, n }: EventKey): boolean {
    if (origin === this.#host.origin) return link.sender.has(n);
    return link.origin === origin || (link.peerHas.get(origin) ?? 0) >= n;
  }

  /** Settles all who wait. */
  close(error: Error): void {
    this.#closed = error;
    this.#alarm.cancel();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { settled } of waiting) settled(error);
  }
}
