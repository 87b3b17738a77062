import { EventLog } from '../../../../src/push/log/event-log.js';
import type { EventLogOptions } from '../../../../src/push/log/settings.js';
import type { EndReason, FollowOptions, Follower, Framer } from '../../../../src/push/log/types.js';
import { VirtualClock } from '../../../../src/testing/virtual-clock.js';

/** Frames as short text: the data of an event, and for a gap its reason and ranges. */
export const TEXT: Framer<string> = {
  event: ({ data }) => data,
  gap: ({ reason, missing }) =>
    `<${reason}${missing.map(({ origin, after, through }) => ` ${origin}:${after}-${through ?? '?'}`).join('')}>`,
  batch: (frames) => frames.join(' '),
  size: ({ length }) => length,
};

/** Id of a log's own run in tests, and of other runs before and behind it in the order of cursors. */
export const SELF = 'mmmmmmmm';
export const OTHER = 'bbbbbbbb';
export const THIRD = 'zzzzzzzz';

/** A log whose time and ticks pass when told to. */
export class TestLog {
  readonly clock: VirtualClock = new VirtualClock(1_000);
  readonly log: EventLog;
  /** Flushes that were asked for. */
  flushes = 0;
  #flush: (() => void) | undefined;

  constructor(options: EventLogOptions = {}) {
    this.log = new EventLog({
      origin: SELF,
      clock: this.clock,
      schedule: (flush) => {
        this.flushes += 1;
        this.#flush = flush;
      },
      ...options,
    });
  }

  /** Whether a flush waits. */
  get scheduled(): boolean {
    return this.#flush !== undefined;
  }

  /** The next phase of the event loop. */
  tick(): void {
    const flush = this.#flush;
    this.#flush = undefined;
    flush?.();
  }

  publish(stream: string, ...texts: readonly string[]): void {
    for (const text of texts) this.log.publish(stream, text);
  }

  append(origin: string, n: number, stream: string, age = 0): string {
    return this.log.append({ origin, n, stream, type: 'message', data: `${origin[0]}${n}`, age });
  }

  follow(streams: string | readonly string[], options: Partial<FollowOptions<string>> = {}): TestFollower {
    return new TestFollower(this.log, streams, options);
  }
}

/** A follower that notes what it is called with. */
export class TestFollower {
  readonly follower: Follower<string>;
  ready = 0;
  readonly ended: EndReason[] = [];

  constructor(log: EventLog, streams: string | readonly string[], options: Partial<FollowOptions<string>>) {
    this.follower = log.follow({
      streams,
      framer: TEXT,
      transport: 'test',
      onReady: () => void (this.ready += 1),
      onEnd: (reason) => void this.ended.push(reason),
      ...options,
    });
  }

  get cursor(): string {
    return this.follower.cursor;
  }

  /** One slice. */
  pull(limit?: { readonly items?: number; readonly bytes?: number }): string | undefined {
    return this.follower.pull(limit)?.payload;
  }

  /** All that is due, as one text. */
  rest(): string {
    const slices: string[] = [];
    for (let slice = this.pull(); slice !== undefined; slice = this.pull()) slices.push(slice);
    return slices.join(' ');
  }
}
