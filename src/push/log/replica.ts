import { InvalidArgumentError } from '../../errors/index.js';
import { checkForeignOrigin, checkNumber, checkRemoteEvent, type RemoteEvent } from './checks.js';
import { exceeds, textOf, type StoredEvent } from './event.js';
import type { LogCore } from './log-core.js';
import { checkStreamName, wellFormed } from './names.js';
import { partsOf, streamOf, type SnapshotPart } from './snapshot.js';
import type { LogEvent } from './types.js';

/** What `append` did: took it, had it already, or lacks one before it. */
export type Appended = 'appended' | 'duplicate' | 'early';

/** A log as other pods have it: what they published comes in, and copies go out. */
export class Replica {
  readonly #core: LogCore;
  /** This run. */
  readonly #self: string;

  constructor(core: LogCore) {
    this.#core = core;
    this.#self = core.settings.origin;
  }

  append(event: RemoteEvent): Appended {
    const core = this.#core;
    core.checkOpen();
    checkRemoteEvent(event, this.#self);
    const have = core.have(event.origin);
    if (event.n <= have) return 'duplicate';
    if (event.n > have + 1) return 'early';
    core.counters.appended += 1;
    const { origin, n, stream, type, key, age } = event;
    core.makeRoom(stream);
    if (!core.streams.hasRoom(stream)) {
      const loss = core.loss(origin, n);
      core.appendLoss(loss, [], core.streams.lostOn(stream, loss));
      return 'appended';
    }
    const channel = core.streams.stream(stream);
    const data = wellFormed(event.data);
    if (age >= core.settings.history.age || exceeds(data, core.settings.limits.maxEventBytes)) {
      core.appendLoss(core.loss(origin, n), [channel], core.streams.spanning(channel));
    } else core.take(channel, { origin, n, type, data, key }, age);
    return 'appended';
  }

  appendLoss(origin: string, n: number): Appended {
    const core = this.#core;
    core.checkOpen();
    checkForeignOrigin(origin, this.#self);
    checkNumber('n', n, 1);
    if (n <= core.have(origin)) return 'duplicate';
    const loss = core.loss(origin, n);
    core.appendLoss(loss, core.streams.lost(loss), core.streams.sets());
    return 'appended';
  }

  missed(origin: string, after: number): boolean {
    const core = this.#core;
    core.checkOpen();
    checkNumber('after', after, 0);
    core.evictExpired();
    return core.streams.missed(origin, after, core.settings.clock.now());
  }

  snapshot(): Generator<SnapshotPart, void, undefined> {
    const core = this.#core;
    core.evictExpired();
    const now = core.settings.clock.now();
    const streams = [core.streams.forgotten(now), ...[...core.streams.all()].map((channel) => streamOf(channel, now))];
    const events: StoredEvent[] = [];
    for (const { item } of core.streams.entries(['*'], core.order)) if (item.kind === 'event') events.push(item);
    return partsOf(streams, events, [...core.origins.vector()], now);
  }

  adopt(part: SnapshotPart): void {
    const core = this.#core;
    core.checkOpen();
    if (core.selfNumber > 0) throw new InvalidArgumentError('a log that has published cannot take over another');
    const now = core.settings.clock.now();
    for (const { name, rows } of part.streams) {
      for (const { origin } of rows) checkForeignOrigin(origin, this.#self);
      if (name === '') {
        core.streams.forget(rows, now);
        continue;
      }
      const channel = core.streamFor(checkStreamName(name));
      channel.table.restore(rows, now);
      core.streams.settle(channel);
    }
    for (const event of part.events) {
      checkRemoteEvent(event, this.#self);
      if (event.n <= core.have(event.origin)) continue;
      const { origin, n, stream, type, key } = event;
      const data = textOf(event.data, core.settings.limits.maxEventBytes);
      core.take(core.streamFor(stream), { origin, n, type, data, key }, event.age);
    }
    for (const [origin, n] of part.have) {
      if (origin === this.#self) continue;
      checkForeignOrigin(origin, this.#self);
      checkNumber('n', n, 0);
      core.origins.advance(origin, n);
    }
  }

  meet(origin: string): void {
    checkForeignOrigin(origin, this.#self);
    this.#core.origins.add(origin);
  }

  *eventsOf(origin: string, after: number): Generator<LogEvent, void, undefined> {
    for (const item of this.#core.origins.after(origin, after)) if (item.kind === 'event') yield item;
  }
}
