// Row 27: positions that nobody gave out.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PushClient, servePush } from '../support/push-websocket.js';

describe('security: positions of WebSocket clients', { timeout: 20_000 }, () => {
  it('that are forged, malformed or of the future get a 400, or an error', async () => {
    await using server = await servePush();
    server.log.publish('a', '1');
    const { origin } = server.log;
    using client = await new PushClient(server.host).opened();
    for (const cursor of [
      `${origin}2`,
      `${origin}zzzzzzzzz`,
      `${origin}-1`,
      `${origin}1.`,
      '\0',
      ' ',
      'x'.repeat(8_000),
    ]) {
      using refused = new PushClient(server.host, `?stream=a&cursor=${encodeURIComponent(cursor)}`);
      assert.equal((await refused.closed)[0], 400, JSON.stringify(cursor.slice(0, 20)));
      client.say({ type: 'subscribe', stream: 'a', cursor });
      const { type, code } = await client.messages.next();
      assert.deepEqual([type, code], ['error', 'ERR_INVALID_CURSOR']);
    }
    assert.deepEqual(server.log.subscribers(), []);
  });

  it('of 1 MiB are not even read', async () => {
    await using server = await servePush();
    using client = await new PushClient(server.host).opened();
    client.say({ type: 'subscribe', stream: 'a', cursor: 'x'.repeat(1024 * 1024) });
    assert.equal((await client.closed)[0], 1009);
  });

  it('of a run that is gone are a gap, which is told', async () => {
    await using server = await servePush();
    server.log.publish('a', 'kept');
    using client = new PushClient(server.host, '?stream=a&cursor=longGone5');
    const { reason } = await client.messages.find(({ type }) => type === 'gap');
    assert.equal(reason, 'unknown-origin');
  });
});
