import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { it } from 'node:test';
import { VirtualClock } from '../../src/testing/index.js';
import { eventually, servePush, StreamReader } from '../support/push-sse.js';

// Row 28: one client of a thousand takes nothing. The others get every event, and what is kept for it is bounded.

const CLIENTS = 999;
const EVENTS = 20;

/** A client on a bare socket: cheaper than one of node:http. */
async function connect(port: number, query: string): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(`GET /?${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return socket;
}

it('28: one stalled client among 1,000 costs the others nothing', { timeout: 60_000 }, async () => {
  const clock = new VirtualClock();
  await using push = await servePush({
    clock,
    keepAlive: 0,
    writeTimeout: 10_000,
    stream: ({ url = '' }) => url.slice(2),
  });
  const readers: StreamReader[] = [];
  for (let at = 0; at < CLIENTS; at += 100) {
    await Promise.all(
      Array.from({ length: Math.min(100, CLIENTS - at) }, async () => {
        const socket = await connect(push.port, 'a');
        const reader = new StreamReader();
        readers.push(reader);
        socket.on('data', (bytes) => {
          // Chunk heads are fields that no client knows.
          reader.feed(bytes);
        });
      }),
    );
  }
  const stalled = await connect(push.port, '*');
  stalled.pause();
  await eventually(() => push.log.subscribers().length === CLIENTS + 1);
  const slow = (): ReturnType<typeof push.log.subscribers>[number] | undefined =>
    push.log.subscribers().find(({ streams }) => streams[0] === '*');

  // What fills its socket is of a stream that only it follows.
  const filler = 'x'.repeat(200_000);
  while ((slow()?.lag ?? 0) < 20) {
    push.log.publish('filler', filler);
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
  const before = slow()?.delivered ?? 0;
  for (let n = 1; n <= EVENTS; n++) {
    push.log.publish('a', String(n));
    // Each event is with everybody before there is a next one.
    await eventually(() => readers.every(({ events }) => events.length === n));
  }
  assert.equal(slow()?.delivered, before, 'it was handed more than it took');
  const delivered = push.log.subscribers().filter(({ streams }) => streams[0] === 'a');
  assert.ok(delivered.every((one) => one.delivered === EVENTS && one.lag === 0));

  clock.advance(12_500);
  assert.equal(slow(), undefined);
  assert.deepEqual(push.log.stats().ended, { sse: { stalled: 1 } });
  push.log.publish('a', 'on');
  await eventually(() => readers.every(({ data }) => data.at(-1) === 'on'));
  assert.equal(push.handler.clients, CLIENTS);
  stalled.destroy();
});
