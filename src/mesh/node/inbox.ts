import { LimitExceededError } from '../../errors/index.js';
import type { Appended } from '../../push/log/event-log.js';
import type { WireEvent } from '../protocol/messages.js';
import type { MeshLog } from './log-view.js';

/** What is held back for all origins together; what comes early beyond it is dropped, to be fetched when its turn comes. */
const MAX_HELD_EVENTS = 20_000;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/** What waits of one origin. */
interface Held {
  readonly events: Map<number, { readonly event: WireEvent; readonly at: number }>;
  lowest: number;
  highest: number;
}

/** Brings the events of other origins into the log, strictly in order; what comes early waits. */
export class Inbox {
  readonly #log: MeshLog;
  readonly #held = new Map<string, Held>();
  #events = 0;
  #bytes = 0;

  constructor(log: MeshLog) {
    this.#log = log;
  }

  /** Events held back. */
  get size(): number {
    return this.#events;
  }

  /** The highest number that is held back, by origin: what is lacking below it is wanted, whoever has it. */
  *highest(): Generator<readonly [origin: string, n: number], void, undefined> {
    for (const [origin, { highest }] of this.#held) yield [origin, highest];
  }

  /** Takes events of one origin, in order. @returns whether any got into the log. */
  take(origin: string, events: readonly WireEvent[]): boolean {
    let moved = false;
    for (const event of events) {
      const done = this.#append(origin, event, event.age);
      if (done === 'appended') moved = true;
      else if (done === 'early') this.#hold(origin, event);
    }
    if (moved) this.drain(origin);
    return moved;
  }

  /** The lowest number that is held back of an origin; `undefined` for none. */
  lowest(origin: string): number | undefined {
    return this.#held.get(origin)?.lowest;
  }

  /** Appends what was held back and whose turn has come, and forgets what has been passed. */
  drain(origin: string): void {
    const held = this.#held.get(origin);
    if (held === undefined) return;
    const now = this.#log.clock.now();
    for (let next = held.events.get(this.#log.haveOf(origin) + 1); next !== undefined;) {
      const { event, at } = next;
      this.#append(origin, event, event.age + (now - at));
      this.#drop(held, event);
      next = held.events.get(this.#log.haveOf(origin) + 1);
    }
    const have = this.#log.haveOf(origin);
    if (held.lowest > have) return;
    held.lowest = Infinity;
    for (const { event } of held.events.values()) {
      if (event.n <= have) this.#drop(held, event);
      else held.lowest = Math.min(held.lowest, event.n);
    }
    if (held.events.size === 0) this.#held.delete(origin);
  }

  /** What this log has no room for, or takes for too large, is lost here: it must not keep the rest from coming. */
  #append(origin: string, event: WireEvent, age: number): Appended {
    try {
      const { n, stream, type, data, key } = event;
      // Field by field: spreading costs much for each event.
      return this.#log.append({ origin, n, stream, type, data, key, age });
    } catch (error) {
      if (!(error instanceof LimitExceededError)) throw error;
      return this.#log.appendLoss(origin, event.n);
    }
  }

  #hold(origin: string, event: WireEvent): void {
    let held = this.#held.get(origin);
    if (held?.events.has(event.n) === true) return;
    if (this.#events >= MAX_HELD_EVENTS || this.#bytes + costOf(event) > MAX_HELD_BYTES) return;
    if (held === undefined) {
      held = { events: new Map(), lowest: Infinity, highest: 0 };
      this.#held.set(origin, held);
    }
    held.events.set(event.n, { event, at: this.#log.clock.now() });
    held.lowest = Math.min(held.lowest, event.n);
    held.highest = Math.max(held.highest, event.n);
    this.#events += 1;
    this.#bytes += costOf(event);
  }

  #drop(held: Held, event: WireEvent): void {
    if (!held.events.delete(event.n)) return;
    this.#events -= 1;
    this.#bytes -= costOf(event);
  }
}

function costOf({ data, stream, type, key }: WireEvent): number {
  return data.length + stream.length + type.length + (key?.length ?? 0) + 128;
}
