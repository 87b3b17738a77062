// Row 28: one that does not read, among others.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { VirtualClock } from '../../src/testing/index.js';
import { PushClient, rawPush, servePush } from '../support/push-websocket.js';

const EVENT = 'x'.repeat(64 * 1024);

describe('security: a WebSocket client that does not read', { timeout: 30_000 }, () => {
  it('costs the others nothing, holds nothing of its own, and is cut off as stalled', async () => {
    const clock = new VirtualClock();
    const history = { events: 1_000, bytes: 64 * 1024 * 1024, age: 3_600_000 };
    await using server = await servePush({ writeTimeout: 10_000, keepAlive: 0 }, { clock, history });
    const { log } = server;
    const others = await Promise.all(
      Array.from({ length: 20 }, async () => await new PushClient(server.host, '?stream=a').opened()),
    );
    const stalled = rawPush(server.port);
    while (log.subscribers().length < 21) await turn();
    const stuck = log.subscribers().at(-1)?.id;
    const lag = (): number => log.subscribers().find(({ id }) => id === stuck)?.lag ?? 0;
    let n = 0;
    // More than the kernel takes on its behalf.
    while (lag() < 32) {
      assert.ok(n < 900, 'the kernel takes everything');
      log.publish('a', EVENT);
      n++;
      for (const other of others) await other.event();
    }
    for (const other of others) assert.equal(other.messages.unread, 0);
    assert.equal(JSON.stringify(log.stats()).includes('stalled'), false);
    clock.advance(9_999);
    log.publish('a', 'on');
    for (const other of others) assert.equal((await other.event()).data, 'on');
    assert.equal(server.handler.clients, 21);
    const closed = once(stalled, 'close');
    // Once to see that nothing has gone since the last look, and once should something have.
    clock.advance(1);
    clock.advance(10_000);
    assert.equal(server.handler.clients, 20);
    assert.ok(JSON.stringify(log.stats()).includes('stalled'));
    stalled.resume();
    await closed;
    log.publish('a', 'after');
    for (const other of others) {
      assert.equal((await other.event()).data, 'after');
      other[Symbol.dispose]();
    }
  });

  it('whom the history overtakes is told once it reads again', async () => {
    const history = { events: 50, bytes: 64 * 1024 * 1024, age: 3_600_000 };
    await using server = await servePush({}, { history });
    const { log } = server;
    using client = await new PushClient(server.host, '?stream=a').opened();
    await client.messages.next();
    client.socket.pause();
    let published = 0;
    while ((log.subscribers()[0]?.lag ?? 0) < 50) {
      assert.ok(published < 2_000, 'the kernel takes everything');
      log.publish('a', `${published++} ${EVENT}`);
      await turn();
    }
    for (let i = 0; i < 60; i++) log.publish('a', `${published++} ${EVENT}`);
    client.socket.resume();
    const { reason } = await client.messages.find(({ type }) => type === 'gap');
    assert.equal(reason, 'overtaken');
    const numbers: number[] = [];
    while (numbers.at(-1) !== published - 1) numbers.push(parseInt((await client.event()).data ?? '', 10));
    // Behind the gap nothing is missing.
    assert.deepEqual(
      numbers,
      Array.from({ length: numbers.length }, (_, i) => published - numbers.length + i),
    );
    assert.ok(numbers.length >= 50);
  });
});
