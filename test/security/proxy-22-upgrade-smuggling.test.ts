import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { UpgradeAwareProxy, streamTranslator, streamTunnel } from '../../src/proxy/index.js';
import {
  SWITCHING,
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

// Row 22: bytes that pass before the 101, a body beside Upgrade, or an upgrade to h2c, let a second request through that
// nobody checked (CVE-2026-2833, CVE-2026-69243, CVE-2026-1525).

const SECOND = 'GET /admin HTTP/1.1\r\nHost: backend\r\n\r\n';

async function refusedBy(t: TestContext, backend: RawBackend, request: string): Promise<readonly string[]> {
  const options = { target: `${backend.url}/` };
  const answers: string[] = [];
  for (const handleUpgrade of [
    new UpgradeAwareProxy(options).handleUpgrade,
    streamTranslator(options),
    streamTunnel(options),
  ]) {
    const proxy = await serve(t, { handleUpgrade });
    const client = await rawClient(t, proxy.port, request);
    answers.push(await client.closed);
    await until(() => proxy.sockets.size === 0);
  }
  return answers;
}

describe('an upgrade request', () => {
  const bad: Readonly<Record<string, string>> = {
    'with a body': upgradeText({ 'Content-Length': '5' }, 'POST /exec HTTP/1.1') + 'hello',
    'with a transfer coding': upgradeText({ 'Transfer-Encoding': 'chunked' }, 'POST /exec HTTP/1.1') + '0\r\n\r\n',
    'for h2c': upgradeText({ Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQ' }),
    'for h2c and something known': upgradeText({ Upgrade: 'websocket, h2c' }),
    'for an unknown protocol': upgradeText({ Upgrade: 'TLS/1.0' }),
    'for something that contains a known name': upgradeText({ Upgrade: 'xSPDY/3.1' }),
  };
  for (const [name, request] of Object.entries(bad)) {
    it(`${name} is refused with 400 before anything is dialled`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => socket.write(SWITCHING));
      for (const answer of await refusedBy(t, backend, request + SECOND)) {
        assert.equal(parseResponse(answer).code, 400);
        assert.match(statusMessage(answer), /^unable to upgrade/);
        // One answer: the second request had none.
        assert.equal(answer.match(/HTTP\/1\.1 /g)?.length, 1);
      }
      await settle();
      assert.equal(backend.connections.length, 0);
    });
  }

  it('of the protocols that the option lists passes, whatever its case', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => socket.write(SWITCHING));
    for (const [upgradeTokens, token] of [
      [undefined, 'spdy/3.1'],
      [undefined, 'YAMUX-headers/1'],
      [['custom/2'], 'Custom/2'],
    ] as const) {
      const options = { target: `${backend.url}/`, ...(upgradeTokens === undefined ? {} : { upgradeTokens }) };
      const proxy = await serve(t, new UpgradeAwareProxy(options));
      const client = await rawClient(t, proxy.port, upgradeText({ Upgrade: token }));
      assert.equal(parseResponse(await client.received('\r\n\r\n')).code, 101);
      client.socket.destroy();
      assert.match(backend.connections.at(-1)?.text() ?? '', new RegExp(`\r\nUpgrade: ${token}\r\n`));
    }
  });
});

describe('an upgrade behind a request that is not answered yet', () => {
  it('gets nothing: whatever was written would be taken for a part of the answer', async (t) => {
    const backend = await rawBackend(t, ({ socket, text }) => {
      if (text().includes('/slow')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      else socket.write(`${SWITCHING}smuggled`);
    });
    const options = { target: backend.url, useRequestLocation: true };
    const proxy = new UpgradeAwareProxy(options);
    for (const handleUpgrade of [proxy.handleUpgrade, streamTranslator(options), streamTunnel(options)]) {
      const front = await serve(t, { handleRequest: proxy.handleRequest, handleUpgrade });
      const client = await rawClient(t, front.port, `GET /slow HTTP/1.1\r\nHost: a\r\n\r\n${upgradeText()}`);
      assert.doesNotMatch(await client.closed, /101|smuggled/);
      await until(() => front.sockets.size === 0);
    }
    await until(() => backend.connections.every((connection) => connection.over()));
    for (const connection of backend.connections) assert.doesNotMatch(connection.text(), /Upgrade/);
  });

  it('passes once the request before it was answered', async (t) => {
    const backend = await rawBackend(t, ({ socket, text }) => {
      if (text().includes('/first')) socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
      else socket.write(SWITCHING);
    });
    const proxy = await serve(t, new UpgradeAwareProxy({ target: backend.url, useRequestLocation: true }));
    const client = await rawClient(t, proxy.port, 'GET /first HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.received('ok');
    await settle();
    client.socket.write(upgradeText());
    await client.received('HTTP/1.1 101 ');
  });
});

describe('bytes behind the request', () => {
  it('are held until the 101, and then passed on', async (t) => {
    const backend = await rawBackend(t, () => {});
    const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/` }));
    const client = await rawClient(t, proxy.port, `${upgradeText()}first `);
    await until(() => backend.connections.length === 1 && (backend.connections[0]?.text() ?? '').endsWith('\r\n\r\n'));
    client.socket.write('second ');
    await settle();
    assert.equal(backend.connections[0]?.behind(), '');
    backend.connections[0]?.socket.write(SWITCHING);
    await client.received(SWITCHING);
    client.socket.write('third');
    await until(() => backend.connections[0]?.behind() === 'first second third');
  });

  it('are held up to a limit, and the rest left to the kernel', async (t) => {
    const backend = await rawBackend(t, () => {});
    const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/` }));
    const client = await rawClient(t, proxy.port, upgradeText());
    const data = Buffer.alloc(16 * 1024 * 1024, 'x');
    let sent = false;
    client.socket.write(data, () => (sent = true));
    await settle();
    await settle();
    assert.equal(sent, false);
    const [front] = proxy.sockets;
    assert.ok((front?.bytesRead ?? 0) < 512 * 1024, `${front?.bytesRead} bytes were read`);
    backend.connections[0]?.socket.write(SWITCHING);
    await until(() => backend.connections[0]?.behind().length === data.length);
  });

  it('go nowhere when the caller leaves before the answer', async (t) => {
    const backend = await rawBackend(t, () => {});
    const options = { target: `${backend.url}/`, limits: { upgradeTimeout: 200 } };
    const proxy = await serve(t, new UpgradeAwareProxy(options));
    for (const leave of ['resetAndDestroy', 'destroy'] as const) {
      const seen = backend.connections.length;
      const client = await rawClient(t, proxy.port, upgradeText() + SECOND);
      await until(() => backend.connections.length > seen && (backend.connections.at(-1)?.text() ?? '') !== '');
      client.socket[leave]();
      await until(() => backend.connections.at(-1)?.over() === true && proxy.sockets.size === 0);
      assert.equal(backend.connections.at(-1)?.behind(), '');
    }
  });

  it('are passed on with the end that follows them; an ended caller hears a refusal', async (t) => {
    const backend = await rawBackend(t, () => {});
    const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/` }));
    for (const answer of [SWITCHING, 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno']) {
      const client = await rawClient(t, proxy.port, upgradeText());
      client.socket.end('early');
      const seen = backend.connections.length;
      await until(() => backend.connections.length > seen || backend.connections.at(-1)?.over() === false);
      await settle();
      const connection = backend.connections.at(-1);
      connection?.socket.write(answer);
      await client.received(answer.slice(0, 12));
      await until(() => connection?.over() === true);
      assert.equal(connection?.behind(), answer === SWITCHING ? 'early' : '');
      connection?.socket.end();
      await until(() => proxy.sockets.size === 0);
    }
  });
});
