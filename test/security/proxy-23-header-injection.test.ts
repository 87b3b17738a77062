import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  UpgradeAwareProxy,
  streamTranslator,
  streamTunnel,
  type UpgradeAwareProxyOptions,
} from '../../src/proxy/index.js';
import { requestText, responseText } from '../../src/proxy/request-text.js';
import { exec } from '../../src/remotecommand/index.js';
import { duplexPair } from '../../src/testing/index.js';
import { parseResponse, rawBackend, rawClient, serve, until, upgradeText } from '../support/proxy.js';

// Row 23: CR, LF and NUL in what is written by hand (CVE-2026-1527). U+010A and U+010D become LF and CR when a careless
// writer cuts characters down to bytes (CVE-2016-2216).

const BREAKS = ['\r', '\n', '\0', '\r\n', '\u010a', '\u010d', '\u0a0d', '\x7f'];

for (const text of BREAKS) {
  const bad = `a${text}X-Injected: yes`;
  const shown = JSON.stringify(text);

  it(`a request or response with ${shown} in any field is not written`, () => {
    const error = { code: 'ERR_INVALID_ARGUMENT' };
    assert.throws(() => requestText(bad, '/', []), error);
    assert.throws(() => requestText('GET', `/${bad}`, []), error);
    assert.throws(() => requestText('GET', '/', [['X', bad]]), error);
    assert.throws(() => requestText('GET', '/', [[bad, 'x']]), error);
    assert.throws(() => requestText('GET', '/', [['Host', bad]]), error);
    assert.throws(() => responseText(400, bad, []), error);
    assert.throws(() => responseText(400, 'No', [['X', bad]]), error);
    assert.throws(() => responseText(400, 'No', [[bad, 'x']]), error);
  });

  it(`headers of the proxy's own with ${shown}: 500, nothing is dialled`, async (t) => {
    for (const headers of [{ 'X-Note': bad }, { [bad]: 'x' }, { Host: bad }]) {
      let dialled = 0;
      const options: UpgradeAwareProxyOptions = {
        target: 'http://backend.test/',
        headers: () => headers,
        dialer: () => {
          dialled++;
          return Promise.reject(new Error('dialled'));
        },
      };
      const proxy = await serve(t, new UpgradeAwareProxy(options));
      const upgrade = await rawClient(t, proxy.port, upgradeText());
      assert.equal(parseResponse(await upgrade.closed).code, 500);
      const plain = await rawClient(t, proxy.port, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
      assert.equal(parseResponse(await plain.closed).code, 500);
      const tunnel = await serve(t, { handleUpgrade: streamTunnel(options) });
      const tunnelled = await rawClient(
        t,
        tunnel.port,
        upgradeText({ Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'SPDY/3.1+portforward.k8s.io' }),
      );
      assert.equal(parseResponse(await tunnelled.closed).code, 500);
      const translator = await serve(t, { handleUpgrade: streamTranslator(options) });
      await assert.rejects(exec(`${translator.url}/exec`, { command: ['true'], transport: 'websocket' }));
      assert.equal(dialled, 0);
    }
  });

  it(`a target with ${shown} in its path cannot bring it onto the wire`, async (t) => {
    const [near, far] = duplexPair();
    t.after(() => {
      near.destroy();
      far.destroy();
    });
    let sent = '';
    far.on('data', (chunk: Buffer) => {
      sent += chunk.toString('latin1');
      far.end('HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\n\r\n');
    });
    const target = (): URL => new URL(`http://backend.test/p${text}?q=${text}`);
    const options = { target, checkAddress: () => true, lookup: () => Promise.resolve(['10.0.0.1']) };
    const proxy = await serve(t, new UpgradeAwareProxy({ ...options, dialer: () => Promise.resolve(near) }));
    const client = await rawClient(t, proxy.port, upgradeText());
    await client.closed;
    for (const line of sent.split('\r\n')) assert.match(line, /^[\t\x20-\x7e]*$/);
  });
}

describe('the answer of a backend', () => {
  const heads: Readonly<Record<string, string>> = {
    'CR in a value': 'HTTP/1.1 400 No\r\nX: a\rX-Injected: yes\r\n\r\n',
    'NUL in a value': 'HTTP/1.1 400 No\r\nX: a\0b\r\n\r\n',
    'CR in the reason': 'HTTP/1.1 400 N\ro\r\n\r\n',
    'a folded line': 'HTTP/1.1 400 No\r\nX: a\r\n b\r\n\r\n',
    'a blank before the colon': 'HTTP/1.1 400 No\r\nContent-Length : 5\r\n\r\n',
    'a line without a colon': 'HTTP/1.1 400 No\r\nX\r\n\r\n',
    'an empty name': 'HTTP/1.1 400 No\r\n: x\r\n\r\n',
    'a 101 with CR in a value': 'HTTP/1.1 101 Switching Protocols\r\nX: a\rX-Injected: yes\r\n\r\n',
    'a status of four digits': 'HTTP/1.1 4000 No\r\n\r\n',
    'a status beyond 599': 'HTTP/1.1 600 No\r\n\r\n',
  };
  for (const [name, head] of Object.entries(heads)) {
    it(`with ${name} is a 502 of which nothing is passed on`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => socket.write(head));
      const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/` }));
      const client = await rawClient(t, proxy.port, upgradeText());
      const answer = await client.closed;
      assert.equal(parseResponse(answer).code, 502);
      assert.doesNotMatch(answer, /Injected/);
      await until(() => backend.connections[0]?.over() === true && proxy.sockets.size === 0);
    });
  }
});

describe('the Host of a request', () => {
  for (const host of ['a/b', 'a?b', 'a#b', 'user@host', 'a\\b', 'a b']) {
    it(`${host} is not passed on`, async (t) => {
      const backend = await rawBackend(t, ({ socket }) => socket.end());
      const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/` }));
      for (const request of [
        upgradeText({ Host: host }),
        `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
      ]) {
        const client = await rawClient(t, proxy.port, request);
        assert.equal(parseResponse(await client.closed).code, 400);
      }
      assert.equal(backend.connections.length, 0);
    });
  }

  it('that comes twice is refused', async (t) => {
    const backend = await rawBackend(t, ({ socket }) => socket.end());
    const proxy = await serve(t, new UpgradeAwareProxy({ target: `${backend.url}/` }));
    const twice = 'Host: a\r\nHost: b\r\n';
    for (const request of [
      upgradeText().replace('Host: proxy.test\r\n', twice),
      `GET / HTTP/1.1\r\n${twice}Connection: close\r\n\r\n`,
    ]) {
      const client = await rawClient(t, proxy.port, request);
      assert.equal(parseResponse(await client.closed).code, 400);
    }
    assert.equal(backend.connections.length, 0);
  });
});
