import { Alarm } from '../../clock/alarm.js';
import type { Link } from '../link/link.js';
import type { FetchMessage } from '../protocol/messages.js';
import type { MeshLog } from './log-view.js';

/** Periods of joining, in milliseconds. */
export interface JoinTimes {
  /** For each part of the copy; then another pod is asked. */
  readonly partTimeout: number;
  /** Until a pod that finds nobody to copy from serves on its own. */
  readonly aloneAfter: number;
}

const MAX_DOUBLINGS = 6;

/** What joining needs of its pod. */
export interface JoinHost {
  readonly log: MeshLog;
  readonly times: JoinTimes;
  readonly random: () => number;
  links(): Iterable<Link>;
  /** Whether every peer that is known was tried. */
  allTried(): boolean;
  /** The history was copied: what comes after it is welcome. */
  copied(): void;
  /** This pod has what the others had when it came; it can serve. */
  ready(): void;
}

/** Brings a new pod to where the others are: a copy of the retained log of one, then what all have beyond it. */
export class Join {
  readonly #host: JoinHost;
  readonly #alarm: Alarm;
  readonly #began: number;
  /** Who is copied from, the id of the question, and until when the next part must come. */
  #source: { readonly link: Link; readonly id: number; until: number } | undefined;
  readonly #failed = new Set<Link>();
  /** How many times all who could be copied from have failed. */
  #rounds = 0;
  #nextId = 1;
  /** What is to be had before this pod is ready; `undefined` while the copy is not complete. */
  #goal: Map<string, number> | undefined;
  #done = false;

  constructor(host: JoinHost) {
    this.#host = host;
    this.#began = host.log.clock.now();
    this.#alarm = new Alarm(host.log.clock, () => this.check());
  }

  /** Whether a copy is under way or complete, so that a log lane may begin behind it. */
  get hasCopy(): boolean {
    return this.#goal !== undefined;
  }

  /** Links, states or the log have changed, or time has passed. */
  check(): void {
    if (this.#done) return;
    const { log, times } = this.#host;
    const now = log.clock.now();
    if (this.#goal !== undefined) return this.#checkGoal(this.#goal);
    if (this.#source !== undefined) {
      if (this.#source.link.established && now < this.#source.until) return this.#alarm.set(this.#source.until);
      this.#failed.add(this.#source.link);
      this.#source = undefined;
    }
    const links = [...this.#host.links()];
    if (!this.#canAsk(links)) {
      // Whoever was too slow may be all there is. It gets another chance, and more time.
      this.#failed.clear();
      if (this.#canAsk(links)) this.#rounds += 1;
    }
    // Ready pods first; pods that leave hold the log too.
    const sources = links.filter((link) => link.peerState !== 'joining' && !this.#failed.has(link));
    const best = sources.filter(({ peerState }) => peerState === 'ready');
    const choice = best.length > 0 ? best : sources;
    const link = choice[Math.floor(this.#host.random() * choice.length)];
    if (link !== undefined) {
      const id = this.#nextId++;
      this.#source = { link, id, until: now + this.#patience() };
      link.sendFetch({ kind: 'copy', id });
      return this.#alarm.set(this.#source.until);
    }
    // Nobody has anything: pods that start together have nothing to copy from one another.
    const alone = links.every(({ peerState }) => peerState === 'joining') && this.#host.allTried();
    if (alone && now >= this.#began + times.aloneAfter) return this.#copied();
    return this.#alarm.set(Math.max(now + times.aloneAfter / 4, this.#began + times.aloneAfter));
  }

  /** A part of the copy has come. */
  part(link: Link, message: Extract<FetchMessage, { readonly kind: 'part' }>): void {
    const source = this.#source;
    if (this.#done || source?.link !== link || source.id !== message.id) return;
    const { log } = this.#host;
    const { streams, events, have, last } = message;
    log.adopt({ streams, events, have, last });
    source.until = log.clock.now() + this.#patience();
    if (!last) return;
    this.#source = undefined;
    this.#copied();
  }

  /** A link has come up. What its pod has belongs to what is to be had, too. */
  met(link: Link): void {
    if (this.#goal !== undefined && !this.#done) this.#aim(this.#goal, link);
  }

  close(): void {
    this.#done = true;
    this.#alarm.cancel();
  }

  #canAsk(links: readonly Link[]): boolean {
    return links.some((link) => link.peerState !== 'joining' && !this.#failed.has(link));
  }

  #patience(): number {
    return this.#host.times.partTimeout * 2 ** Math.min(this.#rounds, MAX_DOUBLINGS);
  }

  #aim(goal: Map<string, number>, { peerHas }: Link): void {
    for (const [origin, n] of peerHas) if (n > (goal.get(origin) ?? 0)) goal.set(origin, n);
  }

  #copied(): void {
    const goal = new Map<string, number>();
    for (const link of this.#host.links()) this.#aim(goal, link);
    this.#goal = goal;
    this.#host.copied();
    this.check();
  }

  #checkGoal(goal: Map<string, number>): void {
    const { log } = this.#host;
    for (const [origin, n] of goal) {
      if (origin === log.origin || log.haveOf(origin) >= n || !this.#isClaimed(origin)) goal.delete(origin);
      else return;
    }
    if (!this.#host.allTried()) return;
    this.close();
    this.#host.ready();
  }

  /** Whether anybody still has more of an origin than this pod: who told of it may be gone, and the events with it. */
  #isClaimed(origin: string): boolean {
    const have = this.#host.log.haveOf(origin);
    for (const { peerHas } of this.#host.links()) if ((peerHas.get(origin) ?? 0) > have) return true;
    return false;
  }
}
