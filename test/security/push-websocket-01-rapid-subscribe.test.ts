// Rows 1, 2, 4 and 13: work that a client can begin and drop for next to nothing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PushClient, rawPush, clientFrame, servePush, type PushServer } from '../support/push-websocket.js';
import { readServerMessages } from '../support/ws-receiver.js';

const LIMITED = { messageBurst: 50, messagesPerSecond: 1 };

async function stillServes(server: PushServer, neighbour: PushClient): Promise<void> {
  server.log.publish('n', 'for the neighbour');
  assert.equal((await neighbour.event()).data, 'for the neighbour');
}

describe('security: rapid subscribing', { timeout: 30_000 }, () => {
  it('and unsubscribing closes the socket once its messages are spent; the neighbour is served', async () => {
    await using server = await servePush(LIMITED);
    using neighbour = await new PushClient(server.host, '?stream=n').opened();
    using client = await new PushClient(server.host).opened();
    for (let i = 0; i < 5_000; i++) {
      client.say({ type: 'subscribe', id: 'x', stream: 'a' });
      client.say({ type: 'unsubscribe', id: 'x' });
    }
    assert.deepEqual(await client.closed, [1008, 'too many messages']);
    assert.equal(client.messages.all.at(-1)?.code, 'ERR_TOO_MANY_MESSAGES');
    assert.ok(client.messages.all.length <= 52);
    assert.equal(server.log.subscribers().length, 1);
    await stillServes(server, neighbour);
  });

  for (const [name, opcode, text] of [
    ['pings', 9, ''],
    ['pongs', 10, ''],
    ['credit', 1, '{"type":"credit","items":1}'],
    ['refusals', 1, '{"type":"unsubscribe","id":"none"}'],
  ] as const) {
    it(`a flood of ${name} from a client that reads nothing is cut off`, async () => {
      await using server = await servePush(LIMITED);
      using neighbour = await new PushClient(server.host, '?stream=n').opened();
      const flood = Buffer.concat(Array.from({ length: 10_000 }, () => clientFrame(opcode, text)));
      const socket = rawPush(server.port, '/?stream=a', flood);
      const chunks: Buffer[] = [];
      for await (const chunk of socket) chunks.push(chunk as Buffer);
      const all = Buffer.concat(chunks);
      assert.ok(all.length < 16_384, `${all.length} bytes were answered`);
      const messages = readServerMessages(all.subarray(all.indexOf('\r\n\r\n') + 4));
      assert.ok(JSON.stringify(messages).includes('ERR_TOO_MANY_MESSAGES'));
      await stillServes(server, neighbour);
      assert.equal(server.handler.clients, 1);
    });
  }

  it('is bounded while authorize thinks', async () => {
    let asked = 0;
    await using server = await servePush({
      ...LIMITED,
      authorize: (_, streams) => {
        if (streams.length === 0) return true;
        asked++;
        return new Promise<boolean>(() => {});
      },
    });
    const flood = Buffer.concat(
      Array.from({ length: 1_000 }, (_, i) => clientFrame(1, `{"type":"subscribe","id":"${i}","stream":"a"}`)),
    );
    const socket = rawPush(server.port, '/', flood);
    for await (const chunk of socket) assert.ok(chunk instanceof Buffer);
    assert.equal(asked, 1);
    assert.deepEqual(server.log.subscribers(), []);
  });

  it('sockets beyond the limit get a 503', async () => {
    await using server = await servePush({ maxClients: 2 });
    using one = await new PushClient(server.host).opened();
    using two = await new PushClient(server.host).opened();
    using three = new PushClient(server.host);
    assert.equal((await three.closed)[0], 503);
    one.socket.close();
    await one.closed;
    using four = await new PushClient(server.host, '?stream=a').opened();
    assert.equal((await four.messages.next()).type, 'subscribed');
    assert.equal(two.socket.readyState, two.socket.OPEN);
  });
});
