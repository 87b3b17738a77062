// Row 29: nothing is done for a client before it may be.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { AuthorizeResult } from '../../src/push/http/authorize.js';
import { PushClient, servePush } from '../support/push-websocket.js';

describe('security: who may open a WebSocket', { timeout: 20_000 }, () => {
  it('is asked before the upgrade, with the request and its streams', async () => {
    const asked: unknown[] = [];
    await using server = await servePush({
      authorize: (req, streams) => {
        asked.push([req.headers.authorization, streams, server.log.subscribers().length]);
        return req.headers.authorization === 'Bearer good' ? { peer: 'ann' } : false;
      },
    });
    using bad = new PushClient(server.host, '?stream=a', [], { headers: { Authorization: 'Bearer bad' } });
    assert.equal((await bad.closed)[0], 403);
    using good = new PushClient(server.host, '?stream=a', [], { headers: { Authorization: 'Bearer good' } });
    await good.messages.next();
    assert.deepEqual(asked, [
      ['Bearer bad', ['a'], 0],
      ['Bearer good', ['a'], 0],
    ]);
    assert.deepEqual(
      server.log.subscribers().map(({ peer, transport }) => [peer, transport]),
      [['ann', 'websocket']],
    );
  });

  it('can be refused with a status, headers and a text', async () => {
    await using server = await servePush({
      authorize: () => ({ status: 401, headers: { 'WWW-Authenticate': 'Bearer', 'X-Many': ['a', 'b'] }, body: 'who?' }),
    });
    using client = new PushClient(server.host, '?stream=a');
    const headers = new Promise((resolve) => client.socket.on('unexpected-response', (_, res) => resolve(res.headers)));
    assert.equal((await client.closed)[0], 401);
    const { 'www-authenticate': scheme, 'x-many': many } = (await headers) as Record<string, string>;
    assert.deepEqual([scheme, many], ['Bearer', 'a, b']);
  });

  it('is a 500 that tells nothing when the hook fails, or wants what HTTP cannot carry', async () => {
    const logged: object[] = [];
    const ignore = (): void => {};
    const logger = { debug: ignore, info: ignore, warn: ignore, error: (fields: object) => void logged.push(fields) };
    const failures: (() => AuthorizeResult | Promise<AuthorizeResult>)[] = [
      () => {
        throw new Error('secret detail');
      },
      () => Promise.reject(new Error('secret detail')),
      () => JSON.parse('null') as AuthorizeResult,
      () => ({ status: 401, headers: { 'X-Injected': 'a\r\nSet-Cookie: b' } }),
    ];
    for (const authorize of failures) {
      await using server = await servePush({ authorize, logger });
      using client = new PushClient(server.host, '?stream=a');
      const [status, text] = await client.closed;
      assert.equal(status, 500);
      assert.doesNotMatch(text, /secret|Injected/);
      assert.deepEqual(server.log.subscribers(), []);
    }
    assert.equal(logged.length, failures.length);
  });

  it('is 1011 when the hook fails for a later subscription', async () => {
    await using server = await servePush({
      authorize: (_, streams) => {
        if (streams.length === 0) return true;
        throw new Error('secret detail');
      },
    });
    using client = await new PushClient(server.host).opened();
    client.say({ type: 'subscribe', stream: 'a' });
    assert.deepEqual(await client.closed, [1011, 'internal error']);
  });
});
