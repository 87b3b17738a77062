import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { exec } from '../../src/remotecommand/index.js';
import { UpgradeAwareProxy, streamTranslator, streamTunnel, type UpgradeHandler } from '../../src/proxy/index.js';
import {
  parseResponse,
  rawBackend,
  rawClient,
  serve,
  settle,
  statusMessage,
  until,
  upgradeText,
  type RawBackend,
} from '../support/proxy.js';

// Row 19: a redirect in answer to an upgrade, followed with the proxy's credentials (Kubernetes CVE-2018-1002102), or
// passed to the caller, who follows it with its own (CVE-2020-8559, CVE-2022-3172).

const CODES = [300, 301, 302, 303, 304, 307, 308];

/** A backend that redirects to another one. */
async function redirecting(
  t: TestContext,
  code: number,
): Promise<{ readonly backend: RawBackend; readonly elsewhere: RawBackend }> {
  const elsewhere = await rawBackend(t, ({ socket }) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'));
  const backend = await rawBackend(t, ({ socket }) => {
    socket.write(`HTTP/1.1 ${code} Moved\r\nLocation: ${elsewhere.url}/stolen\r\nContent-Length: 0\r\n\r\n`);
  });
  return { backend, elsewhere };
}

for (const code of CODES) {
  it(`a ${code} to an upgrade: 502, nothing of it to the caller, no second dial`, async (t) => {
    const { backend, elsewhere } = await redirecting(t, code);
    const options = { target: `${backend.url}/`, headers: { Authorization: 'Bearer of-the-proxy' } };
    const webSocket = {
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io',
    };
    const ways: readonly (readonly [UpgradeHandler, Readonly<Record<string, string>>])[] = [
      [new UpgradeAwareProxy(options).handleUpgrade, {}],
      [streamTunnel(options), webSocket],
    ];
    for (const [handleUpgrade, fields] of ways) {
      const proxy = await serve(t, { handleUpgrade });
      const client = await rawClient(t, proxy.port, upgradeText(fields));
      const answer = await client.closed;
      assert.equal(parseResponse(answer).code, 502);
      assert.equal(statusMessage(answer), `invalid upgrade response: status code ${code}`);
      assert.doesNotMatch(answer, /Location|stolen/);
      await until(() => proxy.sockets.size === 0);
    }
    await settle();
    assert.equal(backend.connections.length, 2);
    assert.equal(elsewhere.connections.length, 0);
  });

  it(`a ${code} to the translator: the caller is told on the error channel, no second dial`, async (t) => {
    const { backend, elsewhere } = await redirecting(t, code);
    const proxy = await serve(t, { handleUpgrade: streamTranslator({ target: `${backend.url}/` }) });
    await assert.rejects(exec(`${proxy.url}/exec`, { command: ['true'], transport: 'websocket' }), (error: Error) =>
      error.message.includes('redirect not allowed'),
    );
    await until(() => proxy.sockets.size === 0 && backend.connections.every((connection) => connection.over()));
    assert.equal(backend.connections.length, 1);
    assert.equal(elsewhere.connections.length, 0);
  });
}

it('a redirect of a plain request, where these are not forwarded: 502, nothing of it to the caller', async (t) => {
  for (const code of CODES) {
    const { elsewhere } = await redirecting(t, code);
    const backend = await rawBackend(t, ({ socket }) => {
      socket.end(`HTTP/1.1 ${code} Moved\r\nLocation: ${elsewhere.url}/stolen\r\nContent-Length: 0\r\n\r\n`);
    });
    const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/`, rejectForwardingRedirects: true }));
    const client = await rawClient(t, proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    const answer = await client.closed;
    assert.equal(parseResponse(answer).code, 502);
    assert.doesNotMatch(answer, /Location|stolen/);
    assert.equal(elsewhere.connections.length, 0);
  }
});
