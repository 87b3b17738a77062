// One stream of an event log, followed by many clients at once while every connection is cut again and again, at random
// bytes, and the server restarts: each client must see all events once, in order.
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, it } from 'node:test';
import type { Browser } from 'playwright-core';
import { EventLog } from '../../src/push/index.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { launchChromium } from './support/chromium.js';
import { buildGoPrograms } from './support/go-programs.js';
import {
  chromium,
  curl,
  etcdLoop,
  goClient,
  ourClient,
  ourEventSource,
  packageEventSource,
  type Follow,
} from './support/push-followers.js';
import { startPushServer } from './support/push-server.js';

const STREAM = 'orders';
const COUNT = 300;
const RESTART_EVERY = 75;
const SEED = 20_261_121;
const LAST = 'the last event';
const PATIENCE = 60_000;

type Seen = [type: string, data: string];

/** A client with what it saw, up to the last event. */
interface Client {
  readonly name: string;
  readonly follow: Follow;
  /** Where it begins. */
  readonly path: string;
}

/** Clients that follow, and what they saw. */
interface Following extends AsyncDisposable {
  readonly saw: ReadonlyMap<string, readonly Seen[]>;
  /** Resolves when all have seen so many; or in vain after a while, when what they lack is to be seen in `saw`. */
  allSaw(count: number): Promise<void>;
  /** The same for the last event. */
  allSawLast(): Promise<void>;
}

async function followAll(
  clients: readonly Client[],
  originFor: (client: Client) => Promise<string>,
): Promise<Following> {
  const saw = new Map<string, readonly Seen[]>();
  const started: AsyncDisposable[] = [];
  const arrivals = new EventEmitter();
  for (const client of clients) {
    const { name, follow, path } = client;
    const seen: Seen[] = [];
    saw.set(name, seen);
    const onEvent = (type: string, data: string): void => {
      seen.push([type, data]);
      arrivals.emit('event');
    };
    started.push(await follow(`${await originFor(client)}${path}`, onEvent));
  }
  const all = async (passes: (seen: readonly Seen[]) => boolean): Promise<void> => {
    const signal = AbortSignal.timeout(PATIENCE);
    while (![...saw.values()].every(passes) && !signal.aborted) {
      await once(arrivals, 'event', { signal }).catch(() => {});
    }
  };
  return {
    saw,
    allSaw: (count) => all((seen) => seen.length >= count),
    allSawLast: () => all((seen) => seen.some(([, data]) => data === LAST)),
    async [Symbol.asyncDispose]() {
      await disposeAll(started);
    },
  };
}

/** What goes wrong here is to be seen in what the clients saw. */
async function disposeAll(resources: readonly AsyncDisposable[]): Promise<void> {
  await Promise.allSettled(resources.map((resource) => resource[Symbol.asyncDispose]()));
}

/** mulberry32: the same numbers in [0, 1) for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let browser: Browser;
before(async () => {
  buildGoPrograms();
  browser = await launchChromium();
});
after(async () => await browser?.close());

for (const protocol of ['http', 'http2'] as const) {
  it(`one stream over ${protocol}, cut again and again`, { timeout: 170_000 }, async (t) => {
    const random = seeded(SEED);
    const below = (bound: number): number => Math.floor(random() * bound);
    const log = new EventLog();
    await using server = await startPushServer(log, protocol);
    const proxies: TcpProxy[] = [];
    await using _ = { [Symbol.asyncDispose]: async () => await disposeAll(proxies) };
    const scheme = protocol === 'http' ? 'http' : 'https';
    /** Each has a proxy of its own, so that none has the bad luck of all. */
    const throughCuts = async ({ name }: Client): Promise<string> => {
      let connections = 0;
      // Chromium takes half a head for a whole one when the connection ends in order, and closes for good for want of the
      // rest; so do not end it in order.
      const endInOrder = name !== 'Chromium' || protocol === 'http2';
      const proxy = await startTcpProxy({
        target: `127.0.0.1:${server.port}`,
        cut: {
          direction: 'down',
          after() {
            connections += 1;
            // What is compressed or encrypted comes in pieces of which nothing can be read before all of it is there.
            return connections % 3 === 0 ? 60_000 + below(20_000) : 1 + below(3_000);
          },
        },
        cutBy: () => (endInOrder && random() < 0.5 ? 'end' : 'reset'),
      });
      proxies.push(proxy);
      return `${scheme}://${proxy.address}`;
    };
    const path = `/events?stream=${STREAM}&cursor=${log.cursor([STREAM])}`;
    const page: Client = {
      name: 'Chromium',
      follow: chromium(browser, `${scheme}://127.0.0.1:${server.port}/`),
      path,
    };
    const clients: readonly Client[] =
      protocol === 'http'
        ? [
            { name: 'our EventSource', follow: ourEventSource, path },
            { name: 'our SSEClient', follow: ourClient, path },
            { name: 'the npm package eventsource', follow: packageEventSource, path },
            { name: 'curl', follow: curl(), path },
            { name: 'curl --compressed', follow: curl('--compressed'), path },
            { name: 'go-sse', follow: goClient, path },
            { name: 'the curl loop of etcd v2', follow: etcdLoop(log.index + 1), path: `/v2/keys/${STREAM}` },
            page,
          ]
        : [
            { name: 'curl', follow: curl('--http2', '--insecure'), path },
            { name: 'go-sse', follow: goClient, path },
            page,
          ];

    await using following = await followAll(clients, throughCuts);

    const expected: Seen[] = [];
    const publish = (type: string, data: string): void => {
      log.publish(STREAM, data, { type });
      expected.push([type, data]);
    };
    let restarts = 0;
    while (expected.length < COUNT) {
      const burst = 1 + below(4);
      for (let i = 0; i < burst; i += 1) {
        const n = expected.length + 1;
        publish(n % 2 === 0 ? 'even' : 'message', `event ${n}\nin two lines, … \u{1F600} ${'x'.repeat(below(200))}`);
        // Numbers of a log are not those of a stream.
        if (random() < 0.3) log.publish('another', 'noise');
      }
      if (expected.length >= (restarts + 1) * RESTART_EVERY) {
        await server.stop(restarts % 2 === 0 ? 'at once' : 'in order');
        restarts += 1;
        publish('message', `published while nobody listens, ${restarts}`);
        await server.start();
      }
      // Not for anything to happen: the events are to come over a while.
      await sleep(10);
    }
    publish('message', LAST);
    await following.allSawLast();

    for (const { name } of clients) assert.deepEqual(following.saw.get(name), expected, name);
    const cuts = proxies.reduce((sum, proxy) => sum + proxy.cuts(), 0);
    t.diagnostic(`${cuts} cuts, ${restarts} restarts`);
    assert.ok(cuts > clients.length * 3, `${cuts} cuts`);
  });
}

it('away for longer than the history, each is told of the gap and goes on', { timeout: 60_000 }, async () => {
  const HELD = 20;
  const MISSED = 50;
  const log = new EventLog({ history: { events: HELD } });
  await using server = await startPushServer(log, 'http');
  const origin = `http://127.0.0.1:${server.port}`;
  const path = `/events?stream=${STREAM}&cursor=${log.cursor([STREAM])}`;
  const etcd = 'the curl loop of etcd v2';
  const clients: readonly Client[] = [
    { name: 'our EventSource', follow: ourEventSource, path },
    { name: 'our SSEClient', follow: ourClient, path },
    { name: 'the npm package eventsource', follow: packageEventSource, path },
    { name: 'curl', follow: curl(), path },
    { name: 'go-sse', follow: goClient, path },
    { name: 'Chromium', follow: chromium(browser, `${origin}/`), path },
    { name: etcd, follow: etcdLoop(log.index + 1), path: `/v2/keys/${STREAM}` },
  ];
  await using following = await followAll(clients, async () => origin);
  log.publish(STREAM, 'hello');
  await following.allSaw(1);
  await server.stop('at once');
  for (let n = 1; n <= MISSED; n += 1) log.publish(STREAM, `missed ${n}`);
  await server.start();
  await following.allSaw(2);
  log.publish(STREAM, LAST);
  await following.allSawLast();

  const missing = [{ origin: log.origin, after: 1, through: 1 + MISSED - HELD }];
  const gap = JSON.stringify({ reason: 'expired', streams: [STREAM], missing });
  const held = Array.from({ length: HELD }, (_, i): Seen => ['message', `missed ${MISSED - HELD + 1 + i}`]);
  const expected: Seen[] = [['message', 'hello'], ['gap', gap], ...held, ['message', LAST]];
  for (const { name } of clients) {
    // etcd tells it by an error with the index to go on from, which is the newest.
    const wanted = name === etcd ? [expected[0], ['error', '401'], expected.at(-1)] : expected;
    assert.deepEqual(following.saw.get(name), wanted, name);
  }
});
