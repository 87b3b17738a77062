import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CorsOptions } from '../../../../src/push/http/cors.js';
import { answerTo, servePush } from '../../../support/push-sse.js';

const PAGE = 'https://app.example.com';
const HEAD = { method: 'HEAD' } as const;

async function headFor(
  cors: boolean | CorsOptions | undefined,
  headers: Record<string, string>,
): Promise<{ readonly status: number; readonly headers: Readonly<Record<string, unknown>> }> {
  await using push = await servePush(cors === undefined ? {} : { cors });
  return await answerTo(`${push.url}/?stream=a`, { ...HEAD, headers });
}

describe('cors', () => {
  it('off, a page of another origin is refused and told nothing', async () => {
    const { status, headers } = await headFor(undefined, { Origin: PAGE });
    assert.equal(status, 403);
    assert.equal(headers['access-control-allow-origin'], undefined);
  });

  it('true lets every page read, without cookies', async () => {
    const { status, headers } = await headFor(true, { Origin: PAGE });
    assert.equal(status, 200);
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(headers['access-control-allow-credentials'], undefined);
    assert.equal(headers['access-control-expose-headers'], 'Trunkline-Cursor, Trunkline-Run');
    assert.equal(headers.vary, 'Accept-Encoding');
  });

  for (const [how, origin] of Object.entries({
    'one origin': PAGE,
    'several origins': ['https://other.example.com', PAGE],
    'a function': (one: string) => one === PAGE,
  })) {
    it(`lets the pages of ${how} read, with cookies if wanted`, async () => {
      const cors = { origin, credentials: true };
      const allowed = await headFor(cors, { Origin: PAGE });
      assert.equal(allowed.status, 200);
      assert.equal(allowed.headers['access-control-allow-origin'], PAGE);
      assert.equal(allowed.headers['access-control-allow-credentials'], 'true');
      assert.match(String(allowed.headers.vary), /Origin/);
      const refused = await headFor(cors, { Origin: 'https://evil.example' });
      assert.equal(refused.status, 403);
      assert.equal(refused.headers['access-control-allow-origin'], undefined);
      assert.match(String(refused.headers.vary), /Origin/);
      // A cache must not give the answer for one origin to another.
      assert.match(String((await headFor(cors, {})).headers.vary), /Origin/);
    });
  }

  it('answers a preflight of Last-Event-ID', async () => {
    await using push = await servePush({ cors: { headers: ['X-Tenant'], maxAge: 90_500 } });
    const { status, headers, body } = await answerTo(`${push.url}/?stream=a`, {
      method: 'OPTIONS',
      headers: {
        Origin: PAGE,
        'Access-Control-Request-Method': 'GET',
        'Access-Control-Request-Headers': 'last-event-id,x-tenant',
      },
    });
    assert.equal(status, 204);
    assert.equal(body, '');
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(headers['access-control-allow-methods'], 'GET, HEAD');
    assert.equal(headers['access-control-allow-headers'], 'Last-Event-ID, Cache-Control, Authorization, X-Tenant');
    assert.equal(headers['access-control-max-age'], '90');
    assert.equal(headers['content-length'], undefined);
  });

  it('refuses the preflight of a foreign page, and OPTIONS that are none', async () => {
    await using push = await servePush({ cors: { origin: PAGE } });
    const preflight = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'GET' };
    assert.equal((await answerTo(push.url, { method: 'OPTIONS', headers: preflight })).status, 403);
    const { status, headers } = await answerTo(push.url, { method: 'OPTIONS' });
    assert.equal(status, 405);
    assert.equal(headers.allow, 'GET, HEAD, OPTIONS');
  });

  it('lets errors be read too', async () => {
    await using push = await servePush({ cors: true });
    const { status, headers } = await answerTo(push.url, { headers: { Origin: PAGE } });
    assert.equal(status, 400);
    assert.equal(headers['access-control-allow-origin'], '*');
  });

  it('refuses options that would open the door', async () => {
    const refused: readonly CorsOptions[] = [
      { credentials: true },
      { origin: '*', credentials: true },
      { origin: ['*', PAGE] },
      { origin: `${PAGE}/` },
      { origin: 'app.example.com' },
      { maxAge: -1 },
      { maxAge: Infinity },
      { headers: ['X-Bad\r\nX-Other'] },
    ];
    for (const cors of refused) {
      await assert.rejects(servePush({ cors }), { code: 'ERR_INVALID_ARGUMENT' }, JSON.stringify(cors));
    }
    const misspelt: object = { orgin: PAGE };
    await assert.rejects(servePush({ cors: misspelt }), { code: 'ERR_INVALID_ARGUMENT' });
  });
});
