import { Alarm } from '../../clock/alarm.js';
import type { Link } from '../link/link.js';
import type { FetchMessage } from '../protocol/messages.js';
import type { Inbox } from './inbox.js';
import type { MeshLog } from './log-view.js';

/** Periods of repair, in milliseconds. */
export interface RepairTimes {
  /** For an origin that is linked itself: its events are most likely on their way. */
  readonly directDelay: number;
  /** For an answer; then another pod is asked. */
  readonly answerTimeout: number;
  /** Until events, that nobody who can be reached holds, count as lost though some pod cannot be reached. */
  readonly lossTimeout: number;
}

/** What repair needs of its pod. */
export interface RepairHost {
  readonly log: MeshLog;
  readonly inbox: Inbox;
  readonly times: RepairTimes;
  readonly random: () => number;
  /** Links whose hellos went both ways. */
  links(): Iterable<Link>;
  /** Whether pods are known that there is no link to. */
  someUnreachable(): boolean;
  /** Events of an origin got into the log, or are known to be lost. */
  moved(origin: string): void;
  lost(origin: string, after: number, through: number): void;
}

interface Task {
  readonly origin: string;
  /** Through which number the log has it: when that moves, by whatever way, all below begins anew. */
  have: number;
  /** When it was first noticed that something of this origin is lacking. */
  readonly began: number;
  /** When it was first noticed that this origin's next event is lacking. */
  since: number;
  /** Who has been asked and has not answered yet, and until when it may take. An answer is welcome later, too. */
  readonly asked: Map<Link, { readonly id: number; readonly until: number }>;
  /** Who has been asked for the next event and does not hold it. */
  readonly without: Set<Link>;
  /** Through which number all of these said to hold nothing; `Infinity` while nobody has. */
  emptyThrough: number;
}

/** Numbers that one question asks for. */
const SPAN = 2_048;

/** Finds out what this pod lacks of other origins, and gets it from whoever holds it; what nobody holds becomes a loss. */
export class Repair {
  readonly #host: RepairHost;
  readonly #tasks = new Map<string, Task>();
  readonly #alarm: Alarm;
  #nextId = 1;
  /** Questions that were asked. */
  questions = 0;

  constructor(host: RepairHost) {
    this.#host = host;
    this.#alarm = new Alarm(host.log.clock, () => this.check());
  }

  /** Origins that something is lacking of. */
  get size(): number {
    return this.#tasks.size;
  }

  /** Looks at everything anew: links, vectors or the log have changed, or time has passed. */
  check(): void {
    const wanted = this.#wanted();
    for (const origin of this.#tasks.keys()) if (!wanted.has(origin)) this.#tasks.delete(origin);
    let next = Infinity;
    for (const [origin, through] of wanted) next = Math.min(next, this.#pursue(this.#task(origin), through));
    this.#alarm.set(next);
  }

  /** Someone has answered. */
  found(link: Link, message: Extract<FetchMessage, { readonly kind: 'found' }>): void {
    for (const task of this.#tasks.values()) {
      if (task.asked.get(link)?.id !== message.id) continue;
      task.asked.delete(link);
      const { inbox } = this.#host;
      if (inbox.take(task.origin, message.events)) {
        this.#progressed(task);
        this.#host.moved(task.origin);
      } else if (message.through >= this.#host.log.haveOf(task.origin)) {
        task.without.add(link);
        task.emptyThrough = Math.min(task.emptyThrough, message.through);
      }
      break;
    }
    this.check();
  }

  close(): void {
    this.#alarm.cancel();
    this.#tasks.clear();
  }

  /** What others have and this pod has not, by origin. */
  #wanted(): Map<string, number> {
    const { log } = this.#host;
    const wanted = new Map<string, number>();
    for (const link of this.#host.links()) {
      for (const [origin, n] of link.peerHas) {
        if (origin === log.origin || n <= log.haveOf(origin)) continue;
        wanted.set(origin, Math.max(n, wanted.get(origin) ?? 0));
      }
    }
    // What is held back waits for what comes before it, even when nobody tells of it any more.
    for (const [origin, n] of this.#host.inbox.highest()) {
      if (n > log.haveOf(origin)) wanted.set(origin, Math.max(n, wanted.get(origin) ?? 0));
    }
    return wanted;
  }

  #task(origin: string): Task {
    let task = this.#tasks.get(origin);
    if (task === undefined) {
      const { clock } = this.#host.log;
      const have = this.#host.log.haveOf(origin);
      const now = clock.now();
      task = { origin, have, began: now, since: now, asked: new Map(), without: new Set(), emptyThrough: Infinity };
      this.#tasks.set(origin, task);
    }
    return task;
  }

  #progressed(task: Task): void {
    task.have = this.#host.log.haveOf(task.origin);
    task.since = this.#host.log.clock.now();
    task.without.clear();
    // Answers that are still to come are about what is there by now.
    task.asked.clear();
    task.emptyThrough = Infinity;
  }

  /** @returns when to look again. */
  #pursue(task: Task, through: number): number {
    const { log, times } = this.#host;
    const now = log.clock.now();
    if (log.haveOf(task.origin) > task.have) this.#progressed(task);
    for (const [link, { until }] of task.asked) {
      if (!link.established) task.asked.delete(link);
      else if (now < until) return until;
    }
    const have = log.haveOf(task.origin);
    const hole = this.#host.inbox.lowest(task.origin) !== undefined;
    const links = [...this.#host.links()];
    const direct = links.find((link) => link.origin === task.origin);
    if (direct !== undefined && !hole && direct.skippedThrough <= have && now < task.since + times.directDelay) {
      return task.since + times.directDelay;
    }
    // A pod has all of its own events, whatever it has told so far.
    const candidates = links.filter(
      (link) =>
        (link === direct || (link.peerHas.get(task.origin) ?? 0) > have) &&
        !task.without.has(link) &&
        !task.asked.has(link),
    );
    const chosen = candidates[Math.floor(this.#host.random() * candidates.length)];
    if (chosen === undefined) return this.#giveUp(task, have, through, now);
    const id = this.#nextId++;
    const until = now + times.answerTimeout;
    this.questions += 1;
    task.asked.set(chosen, { id, until });
    chosen.sendFetch({ kind: 'fetch', id, origin: task.origin, after: have, through: Math.min(through, have + SPAN) });
    return until;
  }

  /** Nobody within reach holds the next event. */
  #giveUp(task: Task, have: number, through: number, now: number): number {
    const { inbox, log, times } = this.#host;
    // Others may have got it just now, and not have told yet.
    if (now < task.began + times.directDelay) return task.began + times.directDelay;
    // Who is slow to answer may hold it, and so may who cannot be reached; but not what others have had and let go of, for all
    // have the same bounds: who waited for each stretch of that would come ever later.
    const letGo = task.without.size > 0;
    const unsure = task.asked.size > 0 || (!letGo && this.#host.someUnreachable());
    if (unsure && now < task.since + times.lossTimeout) return task.since + times.lossTimeout;
    const end = (inbox.lowest(task.origin) ?? through + 1) - 1;
    // No farther than was asked for: beyond it some may hold events.
    const asked = task.emptyThrough === Infinity ? have + SPAN : Math.max(have + 1, task.emptyThrough);
    const last = Math.min(end, asked);
    log.appendLoss(task.origin, last);
    inbox.drain(task.origin);
    this.#host.lost(task.origin, have, last);
    this.#progressed(task);
    this.#host.moved(task.origin);
    return now;
  }
}
