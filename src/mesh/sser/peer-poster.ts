import type { Clock } from '../../clock/clock.js';
import { safeLogger, silentLogger, type Logger } from '../../logger/logger.js';
import type { LogEvent } from '../../push/log/types.js';
import type { Address } from '../node/dialer.js';
import { isPostable } from './peer-event.js';
import { Post } from './post.js';
import {
  DEFAULT_POST_LIMITS,
  PostedPeer,
  type PostedPeerHost,
  type PostedPeerInfo,
  type PostLimits,
} from './posted-peer.js';

/** What the poster needs of an `EventLog`. */
export interface PostedLog {
  readonly origin: string;
  readonly clock: Clock;
  haveOf(origin: string): number;
  eventsOf(origin: string, after?: number): Iterable<LogEvent>;
  tap(listener: (event: LogEvent) => void): () => void;
}

/** How a {@link PeerPoster} works. */
export interface PeerPosterOptions {
  readonly limits?: Partial<PostLimits>;
  /** Default: says nothing. */
  readonly logger?: Logger;
}

/**
 * Posts the events that this pod publishes to peers that have no links: pods of the Go package. Each peer has a queue and a
 * connection of its own, so that none delays another.
 *
 * Events of other pods are not posted, for each pod posts its own. Nor are those of a type, nor empty ones: see
 * `isPostable`.
 */
export class PeerPoster {
  readonly #log: PostedLog;
  readonly #host: PostedPeerHost;
  readonly #untap: () => void;
  readonly #peers = new Map<string, PostedPeer>();
  /** Addresses of which it is not known what they are, and the newest own event when that began, or when none was there. */
  readonly #unknown = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #skipped = 0;

  constructor(log: PostedLog, options: PeerPosterOptions = {}) {
    this.#log = log;
    this.#host = {
      clock: log.clock,
      limits: { ...DEFAULT_POST_LIMITS, ...options.limits },
      logger: safeLogger(options.logger ?? silentLogger),
      misplaced: (peer) => this.stop(peer.address),
      idle: () => this.#checkIdle(),
    };
    this.#untap = log.tap((event) => {
      if (event.origin === log.origin && this.#peers.size > 0) this.#post(event);
    });
  }

  /** Those that are posted to. */
  get peers(): PostedPeerInfo[] {
    return [...this.#peers.values()].map(({ info }) => info);
  }

  /** Events that were not posted because the original could not hand them to its clients as they are. */
  get skipped(): number {
    return this.#skipped;
  }

  /** The peers that there are. Who is gone is posted to no more. */
  setPeers(addresses: readonly Address[]): void {
    const keys = new Set(addresses.map(keyOf));
    for (const peer of this.#peers.values()) if (!keys.has(keyOf(peer.address))) this.stop(peer.address);
    for (const key of this.#unknown.keys()) if (!keys.has(key)) this.#unknown.delete(key);
    for (const key of keys) {
      if (!this.#peers.has(key) && !this.#unknown.has(key)) this.#unknown.set(key, this.#newest());
    }
  }

  /** A peer is there that has no links. It gets what was published since it may have been there. */
  serve(address: Address): void {
    const key = keyOf(address);
    if (this.#peers.has(key)) return;
    const peer = new PostedPeer(address, this.#host);
    this.#peers.set(key, peer);
    this.#host.logger.info({ address: peer.info.address }, 'events are posted to a peer without links');
    const after = this.#unknown.get(key);
    this.#unknown.delete(key);
    if (after === undefined || after >= this.#newest()) return;
    for (const event of this.#log.eventsOf(this.#log.origin, after)) if (isPostable(event)) peer.add(new Post(event));
  }

  /** Nobody was there. */
  absent(address: Address): void {
    const key = keyOf(address);
    if (!this.#peers.has(key)) this.#unknown.set(key, this.#newest());
  }

  /** A peer has links after all, or keeps to itself, or is gone. */
  stop(address: Address): void {
    const key = keyOf(address);
    this.#unknown.delete(key);
    const peer = this.#peers.get(key);
    if (peer === undefined) return;
    this.#peers.delete(key);
    this.#host.logger.info(peer.info, 'events are posted to a peer no more');
    peer.close();
  }

  /** Settles once nothing is left to post, except to peers that cannot be reached. */
  async idle(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  close(): void {
    this.#untap();
    for (const { address } of this.#peers.values()) this.stop(address);
    this.#unknown.clear();
  }

  #post(event: LogEvent): void {
    if (!isPostable(event)) {
      if (this.#skipped === 0) {
        const { stream, type } = event;
        this.#host.logger.warn({ stream, type }, 'events with a type, and empty ones, are not posted to peers');
      }
      this.#skipped += 1;
      return;
    }
    const post = new Post(event);
    for (const peer of this.#peers.values()) peer.add(post);
  }

  #newest(): number {
    return this.#log.haveOf(this.#log.origin);
  }

  #isIdle(): boolean {
    for (const peer of this.#peers.values()) if (!peer.isIdle) return false;
    return true;
  }

  #checkIdle(): void {
    if (this.#waiting.size === 0 || !this.#isIdle()) return;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

function keyOf({ host, port, name = '' }: Address): string {
  return `${host} ${port} ${name}`;
}
