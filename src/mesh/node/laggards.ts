import type { Link } from '../link/link.js';
import type { Positions } from '../protocol/messages.js';
import type { MeshLog } from './log-view.js';

/** What is remembered to be told to pods that are linked later, and how many of these. */
const MAX_REMEMBERED = 1_024;
/** Milliseconds that an event takes to all who are linked, at most. */
const ON_ITS_WAY = 10_000;

/** What laggards need of their pod. */
export interface LaggardsHost {
  readonly log: MeshLog;
  links(): Iterable<Link>;
  /** How far this pod is, as it tells others. */
  positions(): Positions;
  /** When the log got on with an origin last, this pod's own run included; `undefined` for not lately. */
  movedAt(origin: string): number | undefined;
}

/**
 * Finds pods that were cut off for so long that what they lack has left the history, and whose cursors therefore look as if
 * their clients had had it. Who still knows better finds out by their first word, tells all before anything that such a pod
 * published, and they tell on: so that no log can take one of these cursors for what it is not.
 */
export class Laggards {
  readonly #host: LaggardsHost;
  readonly #told = new Map<string, { after: number; readonly at: number }>();

  /** When a pod was linked last. */
  readonly #leftAt = new Map<string, number>();

  constructor(host: LaggardsHost) {
    this.#host = host;
  }

  /** A link has come up. */
  met(link: Link): void {
    this.#forget();
    link.tellMissed([...this.#told].map(([origin, { after }]) => [origin, after] as const));
    this.missed(
      link,
      this.#lackedBy(link, this.#host.positions(), (this.#leftAt.get(link.origin) ?? -Infinity) - ON_ITS_WAY),
    );
  }

  /** Looks at all links again: a pod may also fall behind because it is slow. */
  check(): void {
    const positions = this.#host.positions();
    for (const link of this.#host.links()) this.missed(link, this.#lackedBy(link, positions, link.since));
  }

  /** A link has ended. */
  left({ origin }: Link): void {
    this.#leftAt.delete(origin);
    this.#leftAt.set(origin, this.#host.log.clock.now());
    const [oldest] = this.#leftAt.keys();
    if (this.#leftAt.size > MAX_REMEMBERED && oldest !== undefined) this.#leftAt.delete(oldest);
  }

  /** A pod has told of some; or was found to be one. */
  missed(from: Link, positions: Positions): void {
    const { log } = this.#host;
    const news = positions.filter(([origin, after]) => log.haveOf(origin) > after && log.missed(origin, after));
    if (news.length === 0) return;
    const at = log.clock.now();
    for (const [origin, after] of news) {
      const before = this.#told.get(origin)?.after ?? Infinity;
      this.#told.delete(origin);
      this.#told.set(origin, { after: Math.min(before, after), at });
    }
    for (const link of this.#host.links()) if (link !== from) link.tellMissed(news);
  }

  /** @param since From when on a pod would have told of whatever it got of an origin. */
  #lackedBy({ peerHas, peerState, origin: peer }: Link, positions: Positions, since: number): Positions {
    const { log } = this.#host;
    // Nobody has a cursor of a pod that does not serve yet.
    if (peerState === 'joining') return [];
    const lacking: (readonly [string, number])[] = [];
    for (const [origin, n] of positions) {
      const has = peerHas.get(origin);
      if (origin === peer || n <= (has ?? 0)) continue;
      // Of what was quiet for long nobody tells. What came while the two were linked it has had.
      const movedAt = this.#host.movedAt(origin);
      if (has === undefined && (movedAt === undefined || movedAt < since)) continue;
      let held = 0;
      for (const _ of log.eventsOf(origin, has ?? 0)) held += 1;
      if (held < n - (has ?? 0)) lacking.push([origin, has ?? 0]);
    }
    return lacking;
  }

  /** By then the cursors in question are older than anything that is kept. */
  #forget(): void {
    const before = this.#host.log.clock.now() - 2 * this.#host.log.settings.history.age;
    for (const [origin, { at }] of this.#told) {
      if (at >= before && this.#told.size <= MAX_REMEMBERED) return;
      this.#told.delete(origin);
    }
  }
}
