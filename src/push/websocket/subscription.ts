import type { EndReason, Follower, FollowOptions, StartPosition } from '../log/types.js';
import { behindFragment, idFragment, MESSAGE_ENDS, MESSAGES, type Frames } from './framer.js';

/** What is taken from the log at a time: enough for a fast client, and a slow one does not hold much. */
const SLICE = { bytes: 64 * 1024 };

/** Where a subscription follows. */
export interface SubscriptionSource {
  follow<F>(options: FollowOptions<F>): Follower<F>;
}

/** How it follows. */
export interface SubscriptionOptions {
  readonly id: string | undefined;
  readonly streams: readonly string[];
  readonly start: StartPosition;
  readonly credit: number | undefined;
  readonly whenOvertaken: 'gap' | 'drop';
  readonly peer: string | undefined;
}

/** Who is told of a subscription. */
export interface SubscriptionOwner {
  /** It may have something to send. */
  ready(subscription: Subscription): void;
  /** The log ended it. */
  ended(subscription: Subscription, reason: EndReason): void;
}

/** One subscription of a socket. */
export class Subscription {
  readonly id: string | undefined;
  readonly follower: Follower<Frames>;
  readonly streams: readonly string[];
  /** Until there is one, the subscription only waits. */
  owner: SubscriptionOwner | undefined;
  readonly #fragment: Buffer | undefined;
  /** Items that may still be sent; `undefined` when the client does not count. */
  #credit: number | undefined;

  /** @throws what `follow` throws. */
  constructor(source: SubscriptionSource, options: SubscriptionOptions) {
    const { id, streams, start, credit, whenOvertaken, peer } = options;
    this.id = id;
    this.streams = streams;
    this.#credit = credit;
    this.#fragment = id === undefined ? undefined : idFragment(id);
    this.follower = source.follow({
      streams,
      start,
      framer: id === undefined ? MESSAGES : MESSAGE_ENDS,
      transport: 'websocket',
      peer,
      whenOvertaken,
      onReady: () => this.owner?.ready(this),
      onEnd: (reason) => this.owner?.ended(this, reason),
    });
  }

  /** Whether the client counts what it is sent. */
  get counts(): boolean {
    return this.#credit !== undefined;
  }

  /** Lets more items be sent. */
  grant(items: number): void {
    if (this.#credit !== undefined) this.#credit = Math.min(this.#credit + items, Number.MAX_SAFE_INTEGER);
  }

  /** The bytes to send next; `undefined` when there are none, or no credit: then a grant, or `onReady`, changes that. */
  pull(): Buffer | undefined {
    const credit = this.#credit;
    if (credit === 0) return undefined;
    const slice = this.follower.pull(credit === undefined ? SLICE : { ...SLICE, items: credit });
    if (slice === undefined) return undefined;
    if (credit !== undefined) this.#credit = credit - slice.items;
    const [first, ...others] = slice.payload;
    if (this.#fragment !== undefined) return behindFragment(this.#fragment, slice.payload);
    return first !== undefined && others.length === 0 ? first : Buffer.concat(slice.payload);
  }
}
