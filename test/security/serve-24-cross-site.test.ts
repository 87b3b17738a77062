import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { PodServer } from '../../src/serve/index.js';
import { askPod, startPods } from '../support/serve-pods.js';

// Row 24: pages of strangers use a visitor's browser, which reaches a pod on his machine.

const TOKEN = 'a-token-of-some-length';
const EVIL = 'https://evil.example';

/** What a page can have a browser send without being asked first. */
const SIMPLE = { 'Content-Type': 'text/plain' };

describe('24: pages of other origins', () => {
  it('cannot publish, though the browser is on this machine', async () => {
    for (const options of [{}, { cors: true }, { cors: { origin: EVIL } }]) {
      await using pods = await startPods(1, options);
      const [pod] = pods.pods as [PodServer];
      const publish = (headers: Record<string, string>) =>
        askPod(`${pod.url}/publish?stream=a`, { body: 'x', headers: { ...SIMPLE, ...headers } });
      const refused = await publish({ Origin: EVIL });
      assert.equal(refused.status, 403);
      assert.equal(refused.headers['access-control-allow-origin'], undefined);
      assert.equal((await publish({ Origin: 'null' })).status, 403);
      assert.equal(pod.log.newest('a'), undefined);
      // Its own page, and what is no page.
      assert.equal((await publish({ Origin: pod.url })).status, 200);
      assert.equal((await publish({})).status, 200);
    }
  });

  it('cannot see who follows, how the pod does, and its metrics', async () => {
    await using pods = await startPods(1, { cors: true });
    const [pod] = pods.pods as [PodServer];
    for (const path of ['/streams', '/status', '/metrics']) {
      assert.equal((await askPod(`${pod.url}${path}`, { headers: { Origin: EVIL } })).status, 403, path);
      assert.equal((await askPod(`${pod.url}${path}`)).status, 200, path);
    }
  });

  it('cannot have their own name point here', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    const port = new URL(pod.url).port;
    const rebound = { Host: `evil.example:${port}`, 'Sec-Fetch-Site': 'same-origin' };
    for (const path of ['/streams', '/status', '/metrics', '/events?stream=a', '/v2/keys/a']) {
      assert.equal((await askPod(`${pod.url}${path}`, { headers: rebound })).status, 403, path);
    }
    const origin = { ...rebound, Origin: `http://evil.example:${port}` };
    assert.equal((await askPod(`${pod.url}/publish?stream=a`, { body: 'x', headers: origin })).status, 403);
  });

  it('are let in by name, with a token, and asked first', async () => {
    const page = 'https://app.example.com';
    await using pods = await startPods(1, {
      cors: { origin: page },
      publishTokens: [TOKEN],
      allowedHosts: ['pods.example.com'],
    });
    const [pod] = pods.pods as [PodServer];
    const url = `${pod.url}/publish?stream=a`;
    const headers = { Host: 'pods.example.com', Origin: page };
    const preflight = await askPod(url, {
      method: 'OPTIONS',
      headers: {
        ...headers,
        'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization',
      },
    });
    assert.equal(preflight.status, 204);
    assert.equal(preflight.headers['access-control-allow-origin'], page);
    assert.match(String(preflight.headers['access-control-allow-headers']), /Authorization/);
    assert.match(String(preflight.headers['access-control-allow-methods']), /POST/);
    const published = await askPod(url, { body: 'x', headers: { ...headers, Authorization: `Bearer ${TOKEN}` } });
    assert.deepEqual([published.status, published.headers['access-control-allow-origin']], [200, page]);
    assert.equal((await askPod(url, { body: 'x', headers })).status, 401);
    const other = { ...headers, Origin: EVIL, Authorization: `Bearer ${TOKEN}` };
    assert.equal((await askPod(url, { body: 'x', headers: other })).status, 403);
    const otherHost = { ...headers, Host: 'evil.example', Authorization: `Bearer ${TOKEN}` };
    assert.equal((await askPod(url, { body: 'x', headers: otherHost })).status, 403);
    const preflightOfOthers = await askPod(url, {
      method: 'OPTIONS',
      headers: { ...headers, Origin: EVIL, 'Access-Control-Request-Method': 'POST' },
    });
    assert.equal(preflightOfOthers.status, 403);
  });

  it('get no WebSocket', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    const socket = new WebSocket(`${pod.url.replace('http', 'ws')}/events?stream=a`, { origin: EVIL });
    const [error] = (await once(socket, 'error')) as [Error];
    assert.match(error.message, /403/);
  });
});
