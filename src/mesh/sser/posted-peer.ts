import { Agent } from 'node:http';
import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import type { Logger } from '../../logger/logger.js';
import type { Address } from '../node/dialer.js';
import { postEvent, type Post, type PostOutcome } from './post.js';

/** Bounds of what is posted to one peer. */
export interface PostLimits {
  /** Milliseconds for each post, connecting included. Default 2,000. */
  readonly timeout: number;
  /** Events that wait; past it the oldest are dropped. Default 10,000. */
  readonly maxEvents: number;
  /**
   * Characters of data that wait; past it the oldest are dropped, but not the last one. The data is that of the log, unless
   * its history has moved on. Default 8,388,608.
   */
  readonly maxCharacters: number;
  /** Milliseconds after which an event is not posted any more. Default 10,000, as in the original. */
  readonly maxAge: number;
  /** Milliseconds before a peer that could not be reached is tried again, at first and at most; doubled each time. */
  readonly retry: number;
  readonly maxRetry: number;
}

/** The defaults of {@link PostLimits}. */
export const DEFAULT_POST_LIMITS: PostLimits = Object.freeze({
  timeout: 2_000,
  maxEvents: 10_000,
  maxCharacters: 8 * 1024 * 1024,
  maxAge: 10_000,
  retry: 100,
  maxRetry: 2_000,
});

/** A peer that events are posted to. */
export interface PostedPeerInfo {
  /** `host:port`. */
  readonly address: string;
  /** Events that it took. */
  readonly posted: number;
  /** Events that it may have got, or not: there was no answer, or an error for one. */
  readonly failed: number;
  /** Events that were not posted: they were too many or too old, or the peer could not be reached. */
  readonly dropped: number;
  /** Events that wait. */
  readonly queued: number;
}

/** What a posted peer needs of its poster. */
export interface PostedPeerHost {
  readonly clock: Clock;
  readonly limits: PostLimits;
  readonly logger: Logger;
  /** The peer has no such endpoint, or has links. */
  misplaced(peer: PostedPeer): void;
  /** It has nothing left to do for now. */
  idle(): void;
}

/** Answers that say that this is no pod of the original. */
const MISPLACED: ReadonlySet<number> = new Set([404, 405, 426, 501]);
/** Milliseconds between complaints about one peer. */
const COMPLAIN_EVERY = 10_000;

/**
 * Posts events to one peer: in order, one at a time, over one connection. What was not sent yet is tried again while it is
 * fresh; what was sent is not, for the peer may have got it.
 */
export class PostedPeer {
  readonly address: Address;
  readonly #host: PostedPeerHost;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #alarm: Alarm;
  #queue: Post[] = [];
  #characters = 0;
  #sending: { cancel(): void } | undefined;
  #failures = 0;
  #posted = 0;
  #failed = 0;
  #dropped = 0;
  #complainedAt = -Infinity;
  #closed = false;

  constructor(address: Address, host: PostedPeerHost) {
    this.address = address;
    this.#host = host;
    this.#alarm = new Alarm(host.clock, () => this.#next());
  }

  get info(): PostedPeerInfo {
    const { host, port } = this.address;
    return {
      address: `${host}:${port}`,
      posted: this.#posted,
      failed: this.#failed,
      dropped: this.#dropped,
      queued: this.#queue.length,
    };
  }

  /** Whether nothing is under way, and nothing waits but for a peer that cannot be reached. */
  get isIdle(): boolean {
    return this.#sending === undefined && (this.#queue.length === 0 || this.#failures > 0);
  }

  add(post: Post): void {
    if (this.#closed) return;
    const { maxEvents, maxCharacters } = this.#host.limits;
    this.#queue.push(post);
    this.#characters += post.event.data.length;
    let over = 0;
    while (
      this.#queue.length - over > maxEvents ||
      (this.#characters > maxCharacters && over < this.#queue.length - 1)
    ) {
      this.#characters -= this.#queue[over]?.event.data.length ?? 0;
      over += 1;
    }
    if (over > 0) {
      this.#queue.splice(0, over);
      this.#drop(over, 'it is too slow');
    }
    if (this.#failures === 0) this.#next();
  }

  /** Lets go of what waits. */
  close(): void {
    this.#closed = true;
    this.#alarm.cancel();
    this.#sending?.cancel();
    this.#sending = undefined;
    this.#queue = [];
    this.#agent.destroy();
    this.#host.idle();
  }

  #next(): void {
    if (this.#closed || this.#sending !== undefined) return;
    const { clock, limits } = this.#host;
    const oldest = clock.now() - limits.maxAge;
    let old = 0;
    while ((this.#queue[old]?.event.time ?? Infinity) < oldest) old += 1;
    if (old > 0) {
      for (const { event } of this.#queue.splice(0, old)) this.#characters -= event.data.length;
      this.#drop(old, 'they are too old');
    }
    const post = this.#queue.shift();
    if (post === undefined) {
      // What could not be reached is tried again with what comes next.
      this.#failures = 0;
      return this.#host.idle();
    }
    this.#characters -= post.event.data.length;
    const target = { address: this.address, agent: this.#agent, clock, timeout: limits.timeout };
    this.#sending = postEvent(post, target, (outcome) => this.#settled(post, outcome));
  }

  #settled(post: Post, outcome: PostOutcome): void {
    this.#sending = undefined;
    if (outcome.kind === 'unreached') return this.#unreached(post, outcome.error);
    this.#failures = 0;
    if (outcome.kind === 'unknown') {
      this.#failed += 1;
      this.#complain({ error: outcome.error.message }, 'a peer did not answer a posted event');
    } else if (outcome.status >= 200 && outcome.status < 300) this.#posted += 1;
    else {
      this.#failed += 1;
      if (MISPLACED.has(outcome.status)) return this.#host.misplaced(this);
      this.#complain({ status: outcome.status }, 'a peer refused a posted event');
    }
    this.#next();
  }

  #unreached(post: Post, error: Error): void {
    const { clock, limits } = this.#host;
    this.#queue.unshift(post);
    this.#characters += post.event.data.length;
    const wait = Math.min(limits.maxRetry, limits.retry * 2 ** Math.min(this.#failures, 16));
    this.#failures += 1;
    this.#complain({ error: error.message }, 'a peer that events are posted to cannot be reached');
    this.#alarm.set(clock.now() + wait);
    this.#host.idle();
  }

  #drop(events: number, why: string): void {
    this.#dropped += events;
    this.#complain({ events, why }, 'events were not posted to a peer');
  }

  #complain(fields: object, message: string): void {
    const now = this.#host.clock.now();
    if (now - this.#complainedAt < COMPLAIN_EVERY) return;
    this.#complainedAt = now;
    this.#host.logger.warn({ ...this.info, ...fields }, message);
  }
}
