import { InvalidArgumentError } from '../../errors/index.js';
import { checkForeignOrigin, checkLoss, checkNumber, checkRemoteEvent, type RemoteEvent } from './checks.js';
import { exceeds, type RetainedItem, type StoredLoss } from './event.js';
import type { LogCore } from './log-core.js';
import { checkStreamName, wellFormed } from './names.js';
import { lossOf, partsOf, streamOf, type SnapshotPart, type SnapshotRow, type SnapshotStream } from './snapshot.js';
import type { LogEvent } from './types.js';

/** What `append` did: took it, had it already, or lacks one before it. */
export type Appended = 'appended' | 'duplicate' | 'early';

/** A log as other pods have it: what they published comes in, and copies go out. */
export class Replica {
  readonly #core: LogCore;
  /** This run. */
  readonly #self: string;
  /** Of a copy whose streams are coming: what is gone of those that it does not name, and those that it has named. */
  #unnamed: { readonly rows: SnapshotRow[]; readonly others: Set<string> } | undefined;

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
    if (event.age < core.settings.history.age) this.#take(event);
    else this.#lose(event);
    return 'appended';
  }

  appendLoss(origin: string, n: number): Appended {
    const core = this.#core;
    core.checkOpen();
    checkForeignOrigin(origin, this.#self);
    checkNumber('n', n, 1);
    const after = core.have(origin);
    if (n <= after) return 'duplicate';
    core.lose({ origin, after, n, stream: undefined, age: 0 });
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
    const losses = core.streams.losses();
    const first = losses[0]?.index ?? Infinity;
    const streams = [core.streams.forgotten(now)];
    for (const channel of core.streams.all()) {
      core.streams.catchUpPast(channel);
      streams.push(streamOf(channel, first, now));
    }
    return partsOf(streams, itemsOf(core, losses), [...core.origins.vector()], now);
  }

  adopt(part: SnapshotPart): void {
    const core = this.#core;
    core.checkOpen();
    if (core.selfNumber > 0) throw new InvalidArgumentError('a log that has published cannot take over another');
    const now = core.settings.clock.now();
    for (const stream of part.streams) this.#adoptStream(stream, now);
    if (part.events.length > 0 || part.last) this.#adoptUnnamed(now);
    for (const event of part.events) {
      const lost = lossOf(event);
      if (lost === undefined) checkRemoteEvent(event, this.#self);
      else checkLoss(lost, this.#self);
      if (event.n <= core.have(event.origin)) continue;
      if (lost === undefined) this.#take(event);
      else core.lose(lost);
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
    this.#core.origins.meet(origin);
  }

  *eventsOf(origin: string, after: number): Generator<LogEvent, void, undefined> {
    for (const item of this.#core.origins.after(origin, after)) if (item.kind === 'event') yield item;
  }

  #adoptStream({ name, rows }: SnapshotStream, now: number): void {
    for (const { origin } of rows) checkForeignOrigin(origin, this.#self);
    if (name === '') {
      this.#unnamed = { rows: [...rows], others: new Set() };
      return;
    }
    checkStreamName(name);
    const { streams } = this.#core;
    if (!streams.hasRoom(name)) {
      // What is gone of a stream that there is no room for counts as gone of all that are not named.
      this.#unnamed?.rows.push(...rows);
      return;
    }
    this.#unnamed?.others.add(name);
    const channel = streams.stream(name);
    channel.restore(rows, now);
    streams.settle(channel);
  }

  /** All streams were named: what is gone of others is gone of those too that an earlier copy, which broke off, has brought. */
  #adoptUnnamed(now: number): void {
    if (this.#unnamed === undefined) return;
    const { rows, others } = this.#unnamed;
    this.#unnamed = undefined;
    this.#core.streams.forget(rows, others, now);
  }

  /** Takes an event, or notes that it is lost: where it is too large, of a stream that there is no room for, or counts as gone. */
  #take(event: RemoteEvent): void {
    const core = this.#core;
    const { origin, n, stream, type, key, age } = event;
    const data = wellFormed(event.data);
    core.makeRoom(stream);
    if (exceeds(data, core.settings.limits.maxEventBytes) || !core.streams.hasRoom(stream)) return this.#lose(event);
    const channel = core.streams.stream(stream);
    // Of copies that were larger than the log: cursors behind it could not be told from those behind what is gone.
    if (channel.table.floor(origin) >= n) return this.#lose(event);
    core.take(channel, { origin, n, type, data, key }, age);
  }

  #lose({ origin, n, stream }: RemoteEvent): void {
    this.#core.lose({ origin, after: n - 1, n, stream, age: 0 });
  }
}

/** What is held, in its order, each of the losses once. */
function itemsOf({ streams, order }: LogCore, losses: readonly StoredLoss[]): RetainedItem[] {
  const items: RetainedItem[] = [];
  let next = 0;
  for (const { item } of streams.entries(['*'], order)) {
    if (item.kind === 'live' || (item.kind === 'loss' && item.stream === undefined)) continue;
    for (let loss = losses[next]; loss !== undefined && loss.index < item.index; loss = losses[next]) {
      items.push(loss);
      next += 1;
    }
    items.push(item);
  }
  items.push(...losses.slice(next));
  return items;
}
