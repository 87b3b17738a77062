import type { EndReason, GapReason } from './types.js';

/** Numbers of a log, counted since it was made unless said otherwise. */
export interface LogStats {
  /** Events that this log published itself. */
  readonly published: number;
  /** Events that it took over from other origins. */
  readonly appended: number;
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

/** Counts what happens. */
export class Counters {
  published = 0;
  appended = 0;
  readonly #items = new Map<string, number>();
  readonly #bytes = new Map<string, number>();
  readonly #gaps: Record<GapReason, number> = { expired: 0, overtaken: 0, 'unknown-origin': 0, lost: 0 };
  readonly #followers = new Map<string, number>();
  readonly #ended = new Map<string, Partial<Record<EndReason, number>>>();

  delivered(transport: string, items: number, bytes: number): void {
    this.#items.set(transport, (this.#items.get(transport) ?? 0) + items);
    this.#bytes.set(transport, (this.#bytes.get(transport) ?? 0) + bytes);
  }

  gap(reason: GapReason): void {
    this.#gaps[reason] += 1;
  }

  joined(transport: string): void {
    this.#followers.set(transport, (this.#followers.get(transport) ?? 0) + 1);
  }

  left(transport: string, reason: EndReason): void {
    this.#followers.set(transport, (this.#followers.get(transport) ?? 0) - 1);
    const reasons = this.#ended.get(transport) ?? {};
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    this.#ended.set(transport, reasons);
  }

  read(history: LogStats['history']): LogStats {
    return {
      published: this.published,
      appended: this.appended,
      deliveredItems: Object.fromEntries(this.#items),
      deliveredBytes: Object.fromEntries(this.#bytes),
      gaps: { ...this.#gaps },
      followers: Object.fromEntries(this.#followers),
      ended: Object.fromEntries([...this.#ended].map(([transport, reasons]) => [transport, { ...reasons }])),
      history,
    };
  }
}
