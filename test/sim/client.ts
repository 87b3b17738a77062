import assert from 'node:assert/strict';
import type { EventLog, Follower, Framer, Gap, LogEvent } from '../../src/push/index.js';

type Item = { readonly event: LogEvent; readonly cursor: string } | { readonly gap: Gap; readonly cursor: string };

const ITEMS: Framer<readonly Item[]> = {
  event: (event, cursor) => [{ event, cursor }],
  gap: (gap, cursor) => [{ gap, cursor }],
  batch: (frames) => frames.flat(),
  size: (items) => items.length,
};

/** Somebody who follows streams, from pod to pod, and checks what comes. */
export class SimClient {
  readonly streams: readonly string[];
  readonly gaps: { readonly at: number; readonly gap: Gap }[] = [];
  /** Numbers that were received, by origin. */
  readonly received: Map<string, Set<number>> = new Map();
  readonly #newest = new Map<string, number>();
  readonly #now: () => number;
  /** When it came first. */
  since: number = Infinity;
  /** The pod that it follows now. */
  log: EventLog | undefined;
  cursor: string | undefined;
  #follower: Follower<readonly Item[]> | undefined;

  constructor(streams: readonly string[], now: () => number) {
    this.streams = streams;
    this.#now = now;
  }

  connect(log: EventLog): void {
    this.leave();
    this.log = log;
    this.#follower = log.follow({
      streams: this.streams,
      framer: ITEMS,
      transport: 'sim',
      onReady: () => {},
      onEnd: () => {
        this.read();
        this.#follower = undefined;
        this.log = undefined;
      },
      ...(this.cursor === undefined ? {} : { start: { cursor: this.cursor } }),
    });
    if (this.cursor === undefined) this.since = this.#now();
    this.cursor ??= this.#follower.cursor;
  }

  /** The connection is gone, with what was not read. */
  leave(): void {
    this.#follower?.end();
    this.#follower = undefined;
    this.log = undefined;
  }

  /** Reads what there is. */
  read(most: number = Infinity): void {
    for (let left = most; left > 0; left--) {
      const slice = this.#follower?.pull({ items: 1 });
      if (slice === undefined) return;
      for (const item of slice.payload) this.#take(item);
    }
  }

  wants(stream: string): boolean {
    return this.streams.some((target) =>
      target.endsWith('*') ? stream.startsWith(target.slice(0, -1)) : target === stream,
    );
  }

  /** Whether it has an event, or was told after a moment that it is missing. */
  hasOrKnows(origin: string, n: number, since: number): boolean {
    if (this.received.get(origin)?.has(n) === true) return true;
    return this.gaps.some(
      ({ at, gap }) =>
        at >= since &&
        (gap.missing.length === 0 ||
          gap.missing.some((range) => range.origin === origin && n > range.after && n <= (range.through ?? Infinity))),
    );
  }

  #take(item: Item): void {
    this.cursor = item.cursor;
    if ('gap' in item) {
      this.gaps.push({ at: this.#now(), gap: item.gap });
      return;
    }
    const { origin, n, stream } = item.event;
    assert.ok(this.wants(stream), `${stream} was not asked for`);
    assert.ok(n > (this.#newest.get(origin) ?? 0), `${origin}:${n} came after ${this.#newest.get(origin)}`);
    this.#newest.set(origin, n);
    const numbers = this.received.get(origin) ?? new Set();
    numbers.add(n);
    this.received.set(origin, numbers);
  }
}
