import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import type { Link } from '../link/link.js';
import type { FetchMessage, Followers } from '../protocol/messages.js';
import type { PodPresence, Presence } from '../bus.js';

/** Name of what a pod can do that answers who follows on it. */
export const PRESENCE = 'presence';

/** Who follows on this pod. */
export interface OwnFollowers {
  readonly clients: number;
  readonly streams: ReadonlyMap<string, number>;
}

/** What questions of presence need of their pod. */
export interface PresenceHost {
  readonly clock: Clock;
  readonly origin: string;
  readonly name: string;
  own(): OwnFollowers;
  /** Links whose hellos went both ways. */
  links(): Iterable<Link>;
}

type Answer = Extract<FetchMessage, { readonly kind: 'here' }>;

interface Question {
  readonly id: number;
  readonly until: number;
  /** Pods that have not answered in full. */
  readonly open: Map<Link, Map<string, number>>;
  readonly pods: PodPresence[];
  readonly missing: string[];
  readonly settled: (presence: Presence) => void;
}

/** Characters of names in one part of an answer: they may take three bytes each. */
const PART_CHARACTERS = 40_000;
const PART_STREAMS = 2_048;
/** Streams that one pod may tell of: as many as a log may have, and the patterns. */
const MAX_STREAMS = 20_000;

/** Asks the other pods who follows there, and answers them. */
export class Presences {
  readonly #host: PresenceHost;
  readonly #alarm: Alarm;
  readonly #questions = new Set<Question>();
  /** Parts that are still to be sent. */
  readonly #answers = new Map<Link, Iterator<Answer, void>>();
  #nextId = 1;

  constructor(host: PresenceHost) {
    this.#host = host;
    this.#alarm = new Alarm(host.clock, () => this.#check());
  }

  /** Questions that were asked in all. */
  get asked(): number {
    return this.#nextId - 1;
  }

  /** Asks all who are linked. @returns gives up: `settled` is called with what is known. */
  ask(timeout: number, settled: (presence: Presence) => void): () => void {
    const { origin, name, clock } = this.#host;
    const question: Question = {
      id: this.#nextId++,
      until: clock.now() + timeout,
      open: new Map(),
      pods: [{ origin, name, ...this.#host.own() }],
      missing: [],
      settled,
    };
    this.#questions.add(question);
    for (const link of this.#host.links()) {
      if (link.peer?.capabilities.includes(PRESENCE) !== true) question.missing.push(link.peer?.name ?? '');
      else {
        question.open.set(link, new Map());
        link.sendFetch({ kind: 'who', id: question.id });
      }
    }
    this.#check();
    return () => this.#settle(question);
  }

  /** A pod asks; a new question replaces the one before. */
  who(link: Link, id: number): void {
    this.#answers.set(link, parts(id, this.#host.own()));
    this.pump(link);
  }

  /** A pod answers. */
  here(link: Link, { id, clients, streams, last }: Answer): void {
    for (const question of this.#questions) {
      const told = question.id === id ? question.open.get(link) : undefined;
      if (told === undefined || link.peer === undefined) continue;
      for (const [stream, followers] of streams) if (told.size < MAX_STREAMS) told.set(stream, followers);
      if (!last) return;
      question.open.delete(link);
      question.pods.push({ origin: link.peer.origin, name: link.peer.name, clients, streams: told });
      return this.#check();
    }
  }

  /** Sends parts while there is room. */
  pump(link: Link): void {
    const answer = this.#answers.get(link);
    if (answer === undefined) return;
    while (link.established && link.fetchHasRoom) {
      const next = answer.next();
      if (next.done === true) {
        this.#answers.delete(link);
        return;
      }
      link.sendFetch(next.value);
    }
  }

  /** The link has ended. */
  drop(link: Link): void {
    this.#answers.delete(link);
    for (const question of this.#questions) {
      if (question.open.delete(link)) question.missing.push(link.peer?.name ?? '');
    }
    this.#check();
  }

  /** Settles all questions with what is known. */
  close(): void {
    for (const question of this.#questions) this.#settle(question);
  }

  #check(): void {
    const now = this.#host.clock.now();
    let next = Infinity;
    for (const question of this.#questions) {
      if (question.open.size === 0 || now >= question.until) this.#settle(question);
      else next = Math.min(next, question.until);
    }
    this.#alarm.set(next);
  }

  #settle(question: Question): void {
    if (!this.#questions.delete(question)) return;
    const { pods, missing, open, settled } = question;
    if (this.#questions.size === 0) this.#alarm.cancel();
    settled({ pods, missing: [...missing, ...[...open.keys()].map(({ peer }) => peer?.name ?? '')] });
  }
}

function* parts(id: number, { clients, streams }: OwnFollowers): Generator<Answer, void, undefined> {
  let part: (readonly [string, number])[] = [];
  let characters = 0;
  const send = (last: boolean): Answer => ({ kind: 'here', id, clients, streams: part satisfies Followers, last });
  for (const [stream, followers] of streams) {
    if (characters >= PART_CHARACTERS || part.length >= PART_STREAMS) {
      yield send(false);
      part = [];
      characters = 0;
    }
    part.push([stream, followers]);
    characters += stream.length;
  }
  yield send(true);
}
