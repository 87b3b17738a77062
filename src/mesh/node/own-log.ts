import { encodeMessage } from '../protocol/codec.js';
import type { WireEvent } from '../protocol/messages.js';
import type { Batch, Outgoing } from '../link/log-sender.js';
import type { LogEvent } from '../../push/log/types.js';
import type { MeshLog } from './log-view.js';

const MAX_BATCH_EVENTS = 512;
const MAX_BATCH_BYTES = 64 * 1024;
/** Milliseconds for which an encoded batch serves other links too: the ages in it grow old. */
const FRESH = 20;

/** The event as it goes over links. */
export function wireEvent({ n, stream, type, data, key, time }: LogEvent, now: number): WireEvent {
  return { n, stream, type, data, key, age: Math.max(0, now - time) };
}

/** Bytes of an event on a link, roughly. Names may take three for each character, and must not make a batch too long. */
export function costOf({ data, stream, type, key }: LogEvent): number {
  return 64 + data.length + 3 * (stream.length + type.length + (key?.length ?? 0));
}

/** The pod's own events as batches, each encoded once for all links that are at the same place. */
export class OwnLog implements Outgoing {
  readonly #log: MeshLog;
  readonly #recent = new Map<number, { readonly batch: Batch; readonly at: number; readonly have: number }>();

  constructor(log: MeshLog) {
    this.#log = log;
  }

  get newest(): number {
    return this.#log.haveOf(this.#log.origin);
  }

  batchAfter(n: number): Batch | undefined {
    const have = this.#log.haveOf(this.#log.origin);
    if (n >= have) return undefined;
    const now = this.#log.clock.now();
    const recent = this.#recent.get(n);
    if (recent !== undefined && now - recent.at <= FRESH && recent.have === have) return recent.batch;
    if (this.#recent.size >= 16) this.#recent.clear();
    const batch = this.#encode(n, have, now);
    this.#recent.set(n, { batch, at: now, have });
    return batch;
  }

  #encode(after: number, have: number, now: number): Batch {
    const events: WireEvent[] = [];
    let bytes = 0;
    for (const event of this.#log.eventsOf(this.#log.origin, after)) {
      const next = after + events.length + 1;
      if (event.n > next) {
        if (events.length > 0) break;
        return skip(event.n - 1);
      }
      events.push(wireEvent(event, now));
      bytes += costOf(event);
      if (events.length >= MAX_BATCH_EVENTS || bytes >= MAX_BATCH_BYTES) break;
    }
    if (events.length === 0) return skip(have);
    return { bytes: encodeMessage({ kind: 'events', events }), events: events.length, through: after + events.length };
  }
}

function skip(n: number): Batch {
  return { bytes: encodeMessage({ kind: 'skip', n }), events: 0, through: n };
}
