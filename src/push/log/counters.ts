import type { EndReason, GapReason } from './types.js';

/** Numbers of a log, counted since it was made unless said otherwise. */
export interface LogStats {
  /** Events that this log published itself. */
  readonly published: number;
  /** Events that it took over from other origins. */
  readonly appended: number;
  /** Live events that it was given for those who follow. */
  readonly live: number;
  /** Live events that followers were too slow for: gaps tell of what cursors promise only. */
  readonly liveMissed: number;
  /** Items that were handed to followers, by transport. */
  readonly deliveredItems: Readonly<Record<string, number>>;
  /** Bytes of these, as they were framed for the transport. */
  readonly deliveredBytes: Readonly<Record<string, number>>;
  /** Gaps that followers were told of, by reason. */
  readonly gaps: Readonly<Record<GapReason, number>>;
  /** Followers now, by transport. */
  readonly followers: Readonly<Record<string, number>>;
  /** Followers that ended, by transport and reason. */
  readonly ended: Readonly<Record<string, Readonly<Partial<Record<EndReason, number>>>>>;
  /** What is kept now. */
  readonly history: { readonly events: number; readonly bytes: number; readonly streams: number };
}

/** What is counted for one transport. Followers hold on to it, so that a delivery costs two additions. */
export class TransportCounts {
  items = 0;
  bytes = 0;
  followers = 0;
  readonly ended: Partial<Record<EndReason, number>> = {};

  delivered(items: number, bytes: number): void {
    this.items += items;
    this.bytes += bytes;
  }

  left(reason: EndReason): void {
    this.followers -= 1;
    this.ended[reason] = (this.ended[reason] ?? 0) + 1;
  }
}

/** Counts what happens. */
export class Counters {
  published = 0;
  appended = 0;
  live = 0;
  liveMissed = 0;
  readonly #gaps: Record<GapReason, number> = { expired: 0, overtaken: 0, 'unknown-origin': 0, lost: 0 };
  readonly #transports = new Map<string, TransportCounts>();

  gap(reason: GapReason): void {
    this.#gaps[reason] += 1;
  }

  /** A follower has come over this transport. */
  joined(transport: string): TransportCounts {
    let counts = this.#transports.get(transport);
    if (counts === undefined) {
      counts = new TransportCounts();
      this.#transports.set(transport, counts);
    }
    counts.followers += 1;
    return counts;
  }

  read(history: LogStats['history']): LogStats {
    const each = <T>(pick: (counts: TransportCounts) => T): Record<string, T> =>
      Object.fromEntries([...this.#transports].map(([transport, counts]) => [transport, pick(counts)]));
    return {
      published: this.published,
      appended: this.appended,
      live: this.live,
      liveMissed: this.liveMissed,
      deliveredItems: each(({ items }) => items),
      deliveredBytes: each(({ bytes }) => bytes),
      gaps: { ...this.#gaps },
      followers: each(({ followers }) => followers),
      ended: each(({ ended }) => ({ ...ended })),
      history,
    };
  }
}
