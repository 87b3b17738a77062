import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SSEHandlerOptions } from '../../src/push/sse/index.js';
import { answerTo, servePush } from '../support/push-sse.js';

// Row 24: a page of a stranger must not read, through its visitor's browser, what the visitor may.

const STRANGER = 'https://evil.example';

/** Status for a request with these headers, and what a page could read of it. */
async function ask(
  headers: Record<string, string>,
  options: SSEHandlerOptions = {},
): Promise<{ readonly status: number; readonly readable: unknown }> {
  let asked = 0;
  const authorize = (): boolean => {
    asked += 1;
    return true;
  };
  await using push = await servePush({ ...options, authorize });
  const answer = await answerTo(`${push.url}/?stream=a`, { method: 'HEAD', headers });
  // Who is refused here does not even reach the hook.
  assert.equal(asked, answer.status === 200 ? 1 : 0);
  return { status: answer.status, readable: answer.headers['access-control-allow-origin'] };
}

describe('24: pages of other origins', () => {
  it('are refused, unless they are allowed', async () => {
    for (const Origin of [STRANGER, 'null', '', 'https://127.0.0.1.evil.example', 'file://']) {
      assert.deepEqual(await ask({ Origin }), { status: 403, readable: undefined }, Origin);
    }
    const cors = { origin: 'https://app.example.com', credentials: true };
    assert.deepEqual(await ask({ Origin: STRANGER }, { cors }), { status: 403, readable: undefined });
    assert.deepEqual(await ask({ Origin: `${cors.origin}.evil.example` }, { cors }), {
      status: 403,
      readable: undefined,
    });
    assert.deepEqual(await ask({ Origin: cors.origin }, { cors }), { status: 200, readable: cors.origin });
  });

  it('two origins at once are none', async () => {
    await using push = await servePush();
    const { status } = await answerTo(`${push.url}/?stream=a`, {
      headers: { Origin: `${push.url}, ${STRANGER}` },
    });
    assert.equal(status, 403);
  });

  it('that share the host, and requests from no page, are served', async () => {
    assert.equal((await ask({})).status, 200);
    assert.equal((await ask({ Host: '127.0.0.1:80', Origin: 'http://127.0.0.1' })).status, 200);
    assert.equal((await ask({ 'Sec-Fetch-Site': 'same-origin' })).status, 200);
  });

  it('are never allowed with cookies all together', async () => {
    await assert.rejects(servePush({ cors: { origin: '*', credentials: true } }), { code: 'ERR_INVALID_ARGUMENT' });
  });

  it('may be let in by a middleware that answers for CORS', async () => {
    await using push = await servePush({}, {}, (handler) => (req, res) => {
      res.setHeader('Access-Control-Allow-Origin', STRANGER);
      handler(req, res);
    });
    assert.equal(
      (await answerTo(`${push.url}/?stream=a`, { method: 'HEAD', headers: { Origin: STRANGER } })).status,
      200,
    );
  });
});

describe('24: names that a stranger points here (DNS rebinding)', () => {
  const REBOUND = { Host: 'evil.example:8080' };

  it('pages under them are refused on a loopback address', async () => {
    for (const page of [{ Origin: 'http://evil.example:8080' }, { 'Sec-Fetch-Site': 'same-origin' }]) {
      assert.equal((await ask({ ...REBOUND, ...page })).status, 403);
      assert.equal((await ask({ ...REBOUND, ...page }, { cors: true })).status, 403);
    }
  });

  it('with allowedHosts everything else is refused, page or not', async () => {
    const allowedHosts = ['push.example.com'];
    assert.equal((await ask(REBOUND, { allowedHosts })).status, 403);
    assert.equal((await ask({ Host: 'push.example.com.evil.example' }, { allowedHosts })).status, 403);
    for (const Host of ['push.example.com', 'PUSH.example.com:443', 'push.example.com.', '127.0.0.1', '[::1]:80']) {
      assert.equal((await ask({ Host, 'Sec-Fetch-Site': 'same-origin' }, { allowedHosts })).status, 200, Host);
    }
  });
});
