import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { UpgradeAwareProxy, streamTunnel, type UpgradeHandler } from '../../src/proxy/index.js';
import { rawBackend, rawClient, parseResponse, serve, settle, until, upgradeText } from '../support/proxy.js';

// Row 18: a backend refuses an upgrade and the proxy leaves the connection open; the caller rides on it with the proxy's
// credentials (Kubernetes CVE-2018-1002105).

const SECOND = 'GET /secrets HTTP/1.1\r\nHost: backend\r\n\r\n';
const TUNNEL = {
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io',
};

async function refused(t: TestContext, answer: string, fields: Record<string, string>, tunnel: boolean): Promise<void> {
  const backend = await rawBackend(t, ({ socket }) => socket.write(answer));
  const options = { target: `${backend.url}/`, headers: { Authorization: 'Bearer of-the-proxy' } };
  const handleUpgrade: UpgradeHandler = tunnel ? streamTunnel(options) : new UpgradeAwareProxy(options).handleUpgrade;
  const proxy = await serve(t, { handleUpgrade });
  // Bytes with the request, while the backend is asked, and after its answer.
  const client = await rawClient(t, proxy.port, upgradeText(fields) + SECOND);
  client.socket.write(SECOND);
  const expected = answer.startsWith('HTTP/1.1 4') ? 403 : 502;
  assert.equal(parseResponse(await client.received('HTTP/1.1 ')).code, expected);
  client.socket.write(SECOND);
  await until(() => backend.connections[0]?.over() === true);
  client.socket.write(SECOND);
  await client.closed;
  await until(() => proxy.sockets.size === 0);
  await settle();
  assert.equal(backend.connections.length, 1);
  assert.equal(backend.connections[0]?.behind(), '');
  assert.doesNotMatch(backend.connections[0]?.text() ?? '', /secrets/);
}

for (const tunnel of [false, true]) {
  const fields: Record<string, string> = tunnel ? TUNNEL : {};
  const way = tunnel ? 'the tunnel' : 'the proxy';
  const answers = {
    'a refusal, after which it waits': 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
    'a refusal without length, after which it waits':
      'HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a 200, after which it waits': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    'a 100, after which it waits': 'HTTP/1.1 100 Continue\r\n\r\n',
    'something like a 101': 'HTTP/1.1 1010 Switching Protocols\r\n\r\n',
    'a 101 of another protocol': 'HTTP/2 101 Switching Protocols\r\n\r\n',
  };
  for (const [name, answer] of Object.entries(answers)) {
    it(`${way}: a backend that answers with ${name}, sees nothing more of the caller`, (t) =>
      refused(t, answer, fields, tunnel));
  }
}
