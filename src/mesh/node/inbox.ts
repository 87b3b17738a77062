import type { WireEvent } from '../protocol/messages.js';
import type { MeshLog } from './log-view.js';

/** What is held back for all origins together; what comes early beyond it is dropped, to be fetched when its turn comes. */
const MAX_HELD_EVENTS = 20_000;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/** Brings the events of other origins into the log, strictly in order; what comes early waits. */
export class Inbox {
  readonly #log: MeshLog;
  readonly #held = new Map<string, Map<number, { readonly event: WireEvent; readonly at: number }>>();
  #events = 0;
  #bytes = 0;

  constructor(log: MeshLog) {
    this.#log = log;
  }

  /** Events held back. */
  get size(): number {
    return this.#events;
  }

  /** Takes events of one origin, in order. @returns whether any got into the log. */
  take(origin: string, events: readonly WireEvent[]): boolean {
    let moved = false;
    for (const event of events) {
      const done = this.#log.append({ origin, ...event });
      if (done === 'appended') moved = true;
      else if (done === 'early') this.#hold(origin, event);
    }
    if (moved) this.drain(origin);
    return moved;
  }

  /** The lowest number that is held back of an origin; `undefined` for none. */
  lowest(origin: string): number | undefined {
    let lowest: number | undefined;
    for (const n of this.#held.get(origin)?.keys() ?? []) if (lowest === undefined || n < lowest) lowest = n;
    return lowest;
  }

  /** Appends what was held back and whose turn has come, and forgets what has been passed. */
  drain(origin: string): void {
    const held = this.#held.get(origin);
    if (held === undefined) return;
    const now = this.#log.clock.now();
    for (let next = held.get(this.#log.haveOf(origin) + 1); next !== undefined;) {
      const { event, at } = next;
      this.#log.append({ origin, ...event, age: event.age + (now - at) });
      this.#drop(held, event);
      next = held.get(this.#log.haveOf(origin) + 1);
    }
    const have = this.#log.haveOf(origin);
    for (const { event } of held.values()) if (event.n <= have) this.#drop(held, event);
    if (held.size === 0) this.#held.delete(origin);
  }

  #hold(origin: string, event: WireEvent): void {
    let held = this.#held.get(origin);
    if (held?.has(event.n) === true) return;
    if (this.#events >= MAX_HELD_EVENTS || this.#bytes + costOf(event) > MAX_HELD_BYTES) return;
    if (held === undefined) {
      held = new Map();
      this.#held.set(origin, held);
    }
    held.set(event.n, { event, at: this.#log.clock.now() });
    this.#events += 1;
    this.#bytes += costOf(event);
  }

  #drop(held: Map<number, unknown>, event: WireEvent): void {
    if (!held.delete(event.n)) return;
    this.#events -= 1;
    this.#bytes -= costOf(event);
  }
}

function costOf({ data }: WireEvent): number {
  return data.length + 128;
}
