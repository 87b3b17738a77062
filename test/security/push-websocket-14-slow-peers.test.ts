// Row 14: clients that stop, in each phase.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { VirtualClock } from '../../src/testing/index.js';
import { PushClient, rawPush, servePush, type PushServer } from '../support/push-websocket.js';

const endedFor = (server: PushServer, reason: string): boolean => JSON.stringify(server.log.stats()).includes(reason);

describe('security: WebSocket clients that stop', { timeout: 30_000 }, () => {
  it('and subscribe to nothing are closed', async () => {
    const clock = new VirtualClock();
    await using server = await servePush({ subscribeTimeout: 5_000, keepAlive: 0 }, { clock });
    using client = await new PushClient(server.host).opened();
    // What is refused does not count.
    client.say({ type: 'subscribe', stream: 'no*' });
    await client.messages.next();
    clock.advance(4_999);
    client.say({ type: 'unsubscribe' });
    await client.messages.next();
    clock.advance(1);
    assert.deepEqual(await client.closed, [1008, 'no subscription']);
    assert.equal(clock.pending, 0);
  });

  it('and do not take a refusal are cut off', async () => {
    const clock = new VirtualClock();
    await using server = await servePush({ clock });
    const socket = rawPush(server.port, '/?stream=*');
    await once(socket, 'readable');
    // It keeps its side open.
    const closed = once(socket, 'close');
    clock.advance(10_000);
    socket.resume();
    await closed;
  });

  it('and answer no ping are cut off, with the reason timeout', async () => {
    const clock = new VirtualClock();
    await using server = await servePush({ keepAlive: 1_000 }, { clock });
    const socket = rawPush(server.port);
    const closed = once(socket, 'close');
    socket.resume();
    while (server.handler.clients === 0) await turn();
    clock.advance(1_000);
    assert.equal(server.handler.clients, 1);
    clock.advance(1_000);
    assert.equal(server.handler.clients, 0);
    await closed;
    assert.ok(endedFor(server, 'timeout'));
  });

  it('and do not answer the close are dropped', async () => {
    await using server = await servePush({ closeTimeout: 50 });
    const socket = rawPush(server.port);
    const closed = once(socket, 'close');
    socket.resume();
    while (server.handler.clients === 0) await turn();
    server.handler.close();
    await closed;
  });

  it('and leave while a hook thinks about a subscription are noticed at once', async () => {
    let asked: () => void = () => {};
    const thinking = new Promise<void>((resolve) => (asked = resolve));
    await using server = await servePush({
      authorize: (_, streams) => {
        if (streams.length === 0) return true;
        asked();
        return new Promise<boolean>(() => {});
      },
    });
    for (const end of ['close', 'terminate'] as const) {
      using client = await new PushClient(server.host).opened();
      client.say({ type: 'subscribe', stream: 'a' });
      await thinking;
      client.socket[end]();
      while (server.handler.clients > 0) await turn();
    }
  });

  it('and leave before a hook has answered leave nothing behind', async () => {
    const asked: ((value: boolean) => void)[] = [];
    await using server = await servePush({
      authorize: () => new Promise<boolean>((resolve) => void asked.push(resolve)),
    });
    for (const leave of ['resetAndDestroy', 'destroy'] as const) {
      const socket = rawPush(server.port);
      while (asked.length === 0) await turn();
      const closed = once(socket, 'close');
      socket[leave]();
      await closed;
      asked.pop()?.(true);
      // It may be served until its socket tells.
      await turn();
      while (server.handler.clients > 0) await turn();
      assert.deepEqual(server.log.subscribers(), []);
    }
  });
});
