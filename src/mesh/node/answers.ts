import { ProtocolError } from '../../errors/index.js';
import type { Link } from '../link/link.js';
import type { FetchMessage } from '../protocol/messages.js';
import type { MeshLog } from './log-view.js';
import { costOf, wireEvent } from './own-log.js';

type Question = Extract<FetchMessage, { readonly kind: 'fetch' }>;

const FETCH_EVENTS = 512;
const FETCH_BYTES = 128 * 1024;
/** Questions of one link that wait for room: honest pods have one open for each origin, and logs know 4,096. */
const MAX_QUESTIONS = 4_096;

/** Answers what other pods ask for, one question after the other, as fast as they take it. */
export class Answers {
  readonly #log: MeshLog;
  readonly #waiting = new Map<Link, Question[]>();

  constructor(log: MeshLog) {
    this.#log = log;
  }

  /** @throws ProtocolError for a peer that asks on and on and takes no answers. */
  ask(link: Link, question: Question): void {
    if (link.fetchHasRoom) return this.#answer(link, question);
    const waiting = this.#waiting.get(link) ?? [];
    if (waiting.length >= MAX_QUESTIONS) throw new ProtocolError('the peer asks too much', { initiator: 'remote' });
    waiting.push(question);
    this.#waiting.set(link, waiting);
  }

  /** Answers while there is room. */
  pump(link: Link): void {
    const waiting = this.#waiting.get(link) ?? [];
    while (link.established && link.fetchHasRoom) {
      const question = waiting.shift();
      if (question === undefined) return this.drop(link);
      this.#answer(link, question);
    }
  }

  drop(link: Link): void {
    this.#waiting.delete(link);
  }

  #answer(link: Link, { id, origin, after, through }: Question): void {
    const now = this.#log.clock.now();
    const events = [];
    let bytes = 0;
    let last = Math.min(through, this.#log.haveOf(origin));
    for (const event of this.#log.eventsOf(origin, after)) {
      if (event.n > through) break;
      events.push(wireEvent(event, now));
      bytes += costOf(event);
      if (events.length >= FETCH_EVENTS || bytes >= FETCH_BYTES) {
        last = event.n;
        break;
      }
    }
    link.sendFetch({ kind: 'found', id, events, through: last });
  }
}
