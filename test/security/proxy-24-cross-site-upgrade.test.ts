import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import {
  UpgradeAwareProxy,
  streamTranslator,
  streamTunnel,
  type UpgradeAwareProxyOptions,
} from '../../src/proxy/index.js';
import { SWITCHING, parseResponse, rawBackend, rawClient, serve, settle, upgradeText } from '../support/proxy.js';

// Row 24: a page of a stranger opens a WebSocket through the proxy with the user's cookies, or has its own name point at
// the proxy (CVE-2025-24010, CVE-2026-39363, CVE-2026-112085).

type Headers = Readonly<Record<string, string>>;

/** Codes of the three proxies for one request. Those that pass it on are answered 101, or 500 where 101 is not enough. */
async function codes(
  t: TestContext,
  headers: Headers,
  options: Partial<UpgradeAwareProxyOptions> = {},
): Promise<{ readonly codes: readonly number[]; readonly dials: number }> {
  const backend = await rawBackend(t, ({ socket }) => socket.write(SWITCHING));
  const all = { target: `${backend.url}/`, ...options };
  const found: number[] = [];
  const fields = {
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'v5.channel.k8s.io, SPDY/3.1+portforward.k8s.io',
    Cookie: 'session=of-the-user',
    ...headers,
  };
  for (const handleUpgrade of [new UpgradeAwareProxy(all).handleUpgrade, streamTranslator(all), streamTunnel(all)]) {
    const proxy = await serve(t, { handleUpgrade });
    const client = await rawClient(t, proxy.port, upgradeText(fields, 'GET /exec?stdout=true HTTP/1.1'));
    found.push(parseResponse(await client.received('\r\n\r\n')).code);
    client.socket.destroy();
  }
  await settle();
  return { codes: found, dials: backend.connections.length };
}

const REFUSED = { codes: [403, 403, 403], dials: 0 };

it('a foreign Origin is refused before anything is dialled', async (t) => {
  for (const origin of ['https://evil.test', 'http://localhost.evil.test', 'null', 'http://localhost:1', 'x']) {
    assert.deepEqual(await codes(t, { Host: 'localhost', Origin: origin }), REFUSED, origin);
  }
});

it('the Origin of the host that the request names, none at all, and one that is listed, pass', async (t) => {
  const passed = [101, 101, 500];
  assert.deepEqual((await codes(t, { Host: 'localhost:8080', Origin: 'http://localhost:8080' })).codes, passed);
  assert.deepEqual((await codes(t, { Host: 'localhost' })).codes, passed);
  const allowedOrigins = ['https://console.test'];
  const listed = { Host: 'localhost', Origin: 'https://console.test' };
  assert.deepEqual((await codes(t, listed, { allowedOrigins })).codes, passed);
  assert.deepEqual((await codes(t, { ...listed, Origin: 'https://x.test' }, { allowedOrigins: 'any' })).codes, passed);
});

it('a missing Origin is refused where one is required', async (t) => {
  assert.deepEqual(await codes(t, { Host: 'localhost' }, { requireOrigin: true }), REFUSED);
  const { codes: found } = await codes(t, { Host: 'localhost', Origin: 'http://localhost' }, { requireOrigin: true });
  assert.deepEqual(found, [101, 101, 500]);
});

it('a rebound Host is refused: a page whose own name points here', async (t) => {
  const rebound = { Host: 'evil.test:8080', Origin: 'http://evil.test:8080' };
  assert.deepEqual(await codes(t, rebound), REFUSED);
  assert.deepEqual(await codes(t, { Host: 'evil.test' }, { allowedHosts: ['proxy.test'] }), REFUSED);
  const own = { Host: 'Proxy.Test:8080', Origin: 'http://proxy.test:8080' };
  assert.deepEqual((await codes(t, own, { allowedHosts: ['proxy.test'] })).codes, [101, 101, 500]);
});

it('a rebound Host is refused for plain requests too, where the names are known', async (t) => {
  const backend = await rawBackend(t, ({ socket }) => {
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/`, allowedHosts: ['proxy.test'] }));
  for (const [host, code] of [
    ['evil.test', 403],
    ['proxy.test', 200],
    ['127.0.0.1', 200],
  ] as const) {
    const client = await rawClient(t, proxy.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    assert.equal(parseResponse(await client.closed).code, code, host);
  }
  assert.equal(backend.connections.length, 2);
});
