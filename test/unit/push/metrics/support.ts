import type { MeasuredLog } from '../../../../src/push/metrics/instruments.js';

type Stats = ReturnType<MeasuredLog['stats']>;

/** A log whose numbers are set by hand, and that tells how often it was read. */
export class NumbersLog implements MeasuredLog {
  reads = 0;
  numbers: Stats = {
    published: 12,
    appended: 3,
    live: 4,
    liveMissed: 1,
    deliveredItems: { sse: 40, websocket: 2 },
    deliveredBytes: { sse: 4_000, websocket: 150 },
    gaps: { expired: 1, overtaken: 2, 'unknown-origin': 0, lost: 0 },
    followers: { sse: 5, websocket: 0 },
    ended: { sse: { left: 7, stalled: 1 }, websocket: { closed: 2 } },
    history: { events: 15, bytes: 2_300, streams: 4 },
  };
  streams: ReadonlyMap<string, number> = new Map([
    ['news', 3],
    ['a"\\\n*', 2],
  ]);

  stats(): Stats {
    this.reads += 1;
    return this.numbers;
  }

  counts(): ReadonlyMap<string, number> {
    return this.streams;
  }
}
