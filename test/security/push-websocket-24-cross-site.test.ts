// Row 24: pages of strangers.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WebSocketHandlerOptions } from '../../src/push/websocket/index.js';
import { PushClient, servePush } from '../support/push-websocket.js';

const PAGE = 'https://app.example.com';

/** Whether a page of this origin is served, and what was asked of the hook. */
async function served(
  options: WebSocketHandlerOptions,
  origin: string | undefined,
  headers: Record<string, string> = {},
): Promise<boolean> {
  let asked = 0;
  await using server = await servePush({
    ...options,
    authorize: () => {
      asked++;
      return true;
    },
  });
  const given = origin === 'own' ? `http://${server.host}` : origin;
  using client = new PushClient(server.host, '?stream=a', [], {
    headers: { ...headers, ...(given === undefined ? {} : { Origin: given }) },
  });
  const status = await Promise.race([
    client.closed.then(([code]) => code),
    client.opened().then(
      () => 101,
      () => 0,
    ),
  ]);
  assert.ok(status === 101 || status === 403, String(status));
  assert.equal(asked, status === 101 ? 1 : 0);
  return status === 101;
}

describe('security: WebSockets of pages', { timeout: 20_000 }, () => {
  it('of other origins are refused before anything is asked or followed', async () => {
    for (const origin of [PAGE, 'null', 'http://127.0.0.1:1', 'file://', '']) {
      assert.equal(await served({}, origin), false, JSON.stringify(origin));
    }
    assert.equal(await served({ allowedOrigins: [PAGE] }, `${PAGE}.evil.example`), false);
  });

  it('of the own origin, of those allowed and of no page are served', async () => {
    assert.equal(await served({}, 'own'), true);
    assert.equal(await served({}, undefined), true);
    assert.equal(await served({ allowedOrigins: [PAGE] }, PAGE), true);
    assert.equal(await served({ allowedOrigins: 'any' }, 'null'), true);
  });

  it('that reach a loopback address under a name of their own are refused', async () => {
    const rebound = { Host: 'evil.example' };
    assert.equal(await served({}, 'http://evil.example', rebound), false);
    assert.equal(await served({ allowedHosts: ['push.example'] }, undefined, rebound), false);
    assert.equal(await served({ allowedHosts: ['push.example'] }, undefined, { Host: 'push.example:80' }), true);
  });
});
