import assert from 'node:assert/strict';
import {
  EventLog,
  LimitExceededError,
  type FollowOptions,
  type Follower,
  type Framer,
  type Gap,
  type History,
  type LogEvent,
  type LogLimits,
  type StartPosition,
} from '../../src/push/index.js';
import { seededRandom } from '../../src/testing/random.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

/** How a world is made. */
export interface WorldShape {
  readonly pods: number;
  readonly steps: number;
  /** Pods are replaced by new ones, which copy the history of another. */
  readonly restarts?: boolean;
  /** Times pass in which nothing happens, up to three times the age of the history. */
  readonly quiet?: boolean;
  /** Times pass while events are on their way, so that they grow old and some are too old when they come. */
  readonly hasty?: boolean;
  /** Bounds of the logs besides 12 events per stream. */
  readonly history?: Partial<History>;
  readonly limits?: Partial<LogLimits>;
  /** Events have data of up to so many characters. */
  readonly data?: number;
  /** Names of streams besides those that clients ask for by name. */
  readonly streams?: number;
  /** Some clients are dropped when they are overtaken, and come back. */
  readonly drops?: boolean;
  /** Limits of every second pod, where they are others. */
  readonly smaller?: Partial<LogLimits>;
  /** Live events come among the others. */
  readonly live?: boolean;
}

type Item = { readonly event: LogEvent; readonly cursor: string } | { readonly gap: Gap; readonly cursor: string };

/** Each is a framer of its own, whose frames are shared with nobody else. */
const framer = (): Framer<readonly Item[]> => ({
  event: (event, cursor) => [{ event, cursor }],
  gap: (gap, cursor) => [{ gap, cursor }],
  batch: (frames) => frames.flat(),
  size: (items) => items.length,
});
const ITEMS = framer();
const AGE = 10_000;
const STREAMS = ['a', 'b', 'b/1', 'c'];
const TARGETS = [['a'], ['b'], ['b/1'], ['a', 'b'], ['b*'], ['*']];

interface Pod {
  readonly log: EventLog;
  flush: (() => void) | undefined;
}

interface Client {
  readonly targets: readonly string[];
  readonly received: Map<string, number[]>;
  /** Events that it is owed, by key, with the step in which they were published. */
  readonly owed: Map<string, number>;
  readonly gaps: { readonly step: number; readonly gap: Gap }[];
  /** Live events that its connection is owed, oldest first. */
  live: string[];
  /** Index of the newest item that its connection has brought. */
  index: number;
  pod: Pod;
  follower: Follower<readonly Item[]> | undefined;
  /** Follows beside it with frames of its own, and is to be given the same. */
  shadow: Follower<readonly Item[]> | undefined;
  cursor: string;
}

const shown = (items: readonly Item[] | undefined): string =>
  (items ?? [])
    .map((item) => ('gap' in item ? JSON.stringify(item) : `${nameOf(item.event)} ${item.cursor}`))
    .join('\n');

const keyOf = (event: { readonly origin: string; readonly n: number }): string => `${event.origin}:${event.n}`;
const nameOf = (event: LogEvent): string => (event.live === true ? `live ${event.data}` : keyOf(event));
const glob = (target: string, stream: string): boolean =>
  target.endsWith('*') ? stream.startsWith(target.slice(0, -1)) : target === stream;

function publishIfRoom(log: EventLog, stream: string, data: string): LogEvent | undefined {
  try {
    return log.publish(stream, data);
  } catch (error) {
    if (error instanceof LimitExceededError) return undefined;
    throw error;
  }
}

/**
 * Pods that copy each other's events with delays, and clients that go from pod to pod with their cursors. What the clients
 * are given is checked against what was published.
 */
export class PushWorld {
  gaps = 0;
  received = 0;
  resumed = 0;
  dropped = 0;
  /** Live events that were received, and those that connections were too slow for. */
  live = 0;
  liveMissed = 0;
  #lives = 0;
  readonly #random: () => number;
  readonly #clock = new VirtualClock();
  readonly #shape: WorldShape;
  readonly #pods: Pod[] = [];
  readonly #clients: Client[] = [];
  /** Everything published by an origin, in order; it outlives the pod. */
  readonly #published = new Map<string, LogEvent[]>();
  #step = 0;
  /** When all pods had everything, the last time. */
  #synced = 0;

  constructor(seed: number, shape: WorldShape) {
    this.#random = seededRandom(seed);
    this.#shape = shape;
    for (let i = 0; i < shape.pods; i++) this.#addPod();
  }

  run(): void {
    for (this.#step = 1; this.#step <= this.#shape.steps; this.#step++) this.#act();
    this.#settle();
    for (const client of this.#clients) this.#check(client);
  }

  #act(): void {
    const dice = this.#random();
    const pod = this.#pick(this.#pods);
    if (dice < 0.4) this.#send(pod);
    else if (dice < 0.7) this.#copy(pod);
    else if (dice < 0.74 && this.#clients.length < 6) this.#join(pod);
    else if (dice < 0.86) this.#serve(this.#clients[Math.floor(this.#random() * this.#clients.length)]);
    else if (dice < 0.92) this.#move(this.#clients[Math.floor(this.#random() * this.#clients.length)]);
    else if (dice < 0.97) this.#wait();
    else if (this.#shape.restarts === true && dice > 0.99) this.#replace(pod);
  }

  #addPod(): Pod {
    const pod: Pod = {
      log: new EventLog({
        clock: this.#clock,
        random: () => this.#random(),
        history: { events: 12, age: AGE, ...this.#shape.history },
        limits: { ...this.#shape.limits, ...(this.#published.size % 2 === 1 ? this.#shape.smaller : {}) },
        schedule: (flush) => (pod.flush = flush),
        expectsOrigin: (origin) => this.#published.has(origin),
      }),
      flush: undefined,
    };
    this.#pods.push(pod);
    this.#published.set(pod.log.origin, []);
    for (const { log } of this.#pods) {
      if (log === pod.log) continue;
      log.meet(pod.log.origin);
      pod.log.meet(log.origin);
    }
    return pod;
  }

  #send(pod: Pod): void {
    if (this.#shape.live === true && this.#random() < 0.4) this.#deliver(pod);
    else this.#publish(pod);
  }

  /** To those who are connected to this pod, and to nobody else. */
  #deliver(pod: Pod): void {
    const stream = this.#pick(STREAMS);
    const data = `${++this.#lives}`;
    const followers = pod.log.deliver(stream, data);
    let followed = 0;
    for (const client of this.#clients) {
      if (client.pod !== pod || !client.targets.some((target) => glob(target, stream))) continue;
      if (client.follower !== undefined) client.live.push(data);
      for (const each of [client.follower, client.shadow])
        if (each !== undefined && each.ended === undefined) followed += 1;
    }
    assert.equal(followers, followed, 'followers that a live event was handed to');
    this.#flush(pod);
  }

  #publish(pod: Pod): void {
    const { streams = 0, data = 0 } = this.#shape;
    const stream = this.#random() * (STREAMS.length + streams) < streams ? this.#other() : this.#pick(STREAMS);
    const bytes = Math.min(Math.floor(this.#random() * data), pod.log.settings.limits.maxEventBytes);
    const event = publishIfRoom(pod.log, stream, 'x'.repeat(bytes));
    if (event === undefined) return;
    this.#published.get(pod.log.origin)?.push(event);
    for (const client of this.#clients) {
      if (client.targets.some((target) => glob(target, event.stream))) client.owed.set(keyOf(event), this.#step);
    }
    this.#flush(pod);
  }

  /** One pod takes over what it lacks of another origin, up to some number: from any pod that has it, or it is lost. */
  #copy(pod: Pod, all = false): void {
    for (const [origin, events] of this.#published) {
      if (origin === pod.log.origin) continue;
      if (!all && this.#random() < 0.5) continue;
      const have = pod.log.have().get(origin) ?? 0;
      const most = all ? events.length : Math.min(events.length, have + 1 + Math.floor(this.#random() * 4));
      for (const event of events.slice(have, most)) this.#transfer(pod, event);
    }
    this.#flush(pod);
  }

  #transfer(pod: Pod, event: LogEvent): void {
    const { origin, n, stream, type, data } = event;
    const held = this.#pods.some(({ log }) => log.origin === origin || (log.have().get(origin) ?? 0) >= n);
    const age = this.#clock.now() - event.time;
    if (held) pod.log.append({ origin, n, stream, type, data, age });
    else pod.log.appendLoss(origin, n);
  }

  #other(): string {
    return `other ${Math.floor(this.#random() * (this.#shape.streams ?? 0))}`;
  }

  #join(pod: Pod): void {
    const targets = this.#pick(TARGETS);
    const client: Client = {
      targets,
      received: new Map(),
      owed: new Map(),
      gaps: [],
      live: [],
      index: 0,
      pod,
      follower: undefined,
      shadow: undefined,
      cursor: '',
    };
    this.#clients.push(client);
    const start = this.#random() < 0.3 ? 'start' : 'now';
    // Several streams together may hold less than each does.
    const kept = start === 'start' && !targets.some((target) => target.includes('*')) && targets.length === 1;
    client.follower = this.#follow(client, pod, start);
    if (kept) for (const event of pod.log.history(targets)) client.owed.set(keyOf(event), this.#step);
    client.cursor = client.follower.cursor;
    // What is on its way to this pod is owed too.
    for (const [origin, events] of this.#published) {
      const have = pod.log.have().get(origin) ?? 0;
      for (const event of events.slice(have)) {
        if (targets.some((target) => glob(target, event.stream))) client.owed.set(keyOf(event), this.#step);
      }
    }
  }

  #follow(client: Client, pod: Pod, start: StartPosition): Follower<readonly Item[]> {
    client.pod = pod;
    // Whoever comes anew is owed no live event of before.
    client.live = [];
    client.index = 0;
    client.shadow?.end();
    const drops = this.#shape.drops === true && this.#random() < 0.5;
    const options: Omit<FollowOptions<readonly Item[]>, 'framer'> = {
      streams: client.targets,
      transport: 'test',
      onReady: () => {},
      whenOvertaken: drops ? 'drop' : 'gap',
      start,
    };
    client.shadow = pod.log.follow({ ...options, framer: framer() });
    return pod.log.follow({ ...options, framer: ITEMS });
  }

  #serve(client: Client | undefined, most = 1 + Math.floor(this.#random() * 5)): boolean {
    const slice = client?.follower?.pull({ items: most });
    const own = client?.shadow?.pull({ items: most });
    assert.equal(shown(own?.payload), shown(slice?.payload), 'what is framed for one client is what all get');
    if (client?.follower?.ended === 'overtaken') {
      this.dropped += 1;
      client.follower = this.#follow(client, this.#pick(this.#pods), { cursor: client.cursor });
      return true;
    }
    if (client === undefined || slice === undefined) return false;
    for (const item of slice.payload) {
      client.cursor = item.cursor;
      if ('gap' in item) {
        this.gaps += 1;
        client.gaps.push({ step: this.#step, gap: item.gap });
        continue;
      }
      const { origin, n, stream, index } = item.event;
      assert.ok(
        client.targets.some((target) => glob(target, stream)),
        `${stream} was not asked for`,
      );
      assert.ok(index + (item.event.live === true ? 1 : 0) > client.index, 'the order in which they came to the pod');
      client.index = index;
      if (item.event.live === true) {
        this.#receiveLive(client, item.event.data);
        continue;
      }
      this.received += 1;
      const numbers = client.received.get(origin) ?? [];
      assert.ok(n > (numbers.at(-1) ?? 0), `${origin}:${n} came after ${numbers.at(-1)}`);
      numbers.push(n);
      client.received.set(origin, numbers);
    }
    assert.equal(
      client.follower?.cursor === client.cursor || client.follower?.lag === 0,
      true,
      'cursor of the follower',
    );
    return true;
  }

  #receiveLive(client: Client, data: string): void {
    const at = client.live.indexOf(data);
    assert.ok(at >= 0, `live event ${data} came twice, out of order, or to one who was not connected`);
    this.live += 1;
    this.liveMissed += at;
    client.live.splice(0, at + 1);
  }

  /** A client loses its connection, with what it has not read, and comes back anywhere. */
  #move(client: Client | undefined): void {
    if (client === undefined) return;
    client.follower?.end();
    if (this.#random() < 0.3) this.#wait();
    client.follower = this.#follow(client, this.#pick(this.#pods), { cursor: client.cursor });
    this.resumed += 1;
  }

  #wait(): void {
    const long = this.#shape.quiet === true && this.#random() < 0.3;
    const most = long ? 3 * AGE : this.#shape.hasty === true ? AGE / 2 : AGE / 10;
    const time = Math.floor(this.#random() * most);
    // Nobody may lag by more than one and a half ages; so long a time begins with everybody up to date.
    if (long || (this.#shape.hasty === true && this.#clock.now() + time - this.#synced > 1.4 * AGE)) {
      for (const pod of this.#pods) this.#copy(pod, true);
      this.#synced = this.#clock.now();
    }
    this.#clock.advance(time);
  }

  #replace(pod: Pod): void {
    if (this.#pods.length < 2) return;
    for (const client of this.#clients) {
      if (client.pod !== pod) continue;
      client.follower?.end();
      client.follower = undefined;
    }
    this.#pods.splice(this.#pods.indexOf(pod), 1);
    pod.log.close();
    const sources = [...this.#pods];
    const fresh = this.#addPod();
    if (this.#random() < 0.3) {
      // A copy that breaks off.
      for (const part of this.#pick(sources).log.snapshot()) {
        if (this.#random() < 0.4) break;
        fresh.log.adopt(part);
      }
    }
    for (const part of this.#pick(sources).log.snapshot()) fresh.log.adopt(part);
    this.#copy(fresh, true);
    for (const client of this.#clients) {
      if (client.follower === undefined)
        client.follower = this.#follow(client, this.#pick(this.#pods), { cursor: client.cursor });
    }
  }

  #flush(pod: Pod): void {
    const { flush } = pod;
    pod.flush = undefined;
    flush?.();
  }

  /** Everything arrives everywhere, and everybody reads it. */
  #settle(): void {
    for (const pod of this.#pods) this.#copy(pod, true);
    for (const client of this.#clients) {
      while (this.#serve(client, 3));
      this.liveMissed += client.live.length;
    }
  }

  #check(client: Client): void {
    for (const [key, step] of client.owed) {
      const [origin = '', n = '0'] = key.split(':');
      if (client.received.get(origin)?.includes(Number(n)) === true) continue;
      const told = client.gaps.some(
        ({ step: when, gap }) =>
          when >= step &&
          (gap.missing.length === 0 ||
            gap.missing.some(
              (range) => range.origin === origin && Number(n) > range.after && Number(n) <= (range.through ?? Infinity),
            )),
      );
      assert.ok(told, `${key} of step ${step} was lost in silence; gaps ${JSON.stringify(client.gaps)}`);
    }
  }

  #pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.#random() * items.length)];
    assert.ok(item !== undefined);
    return item;
  }
}
