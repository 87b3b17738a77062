import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import type { PodServer } from '../../src/serve/index.js';
import { askPod, startPods } from '../support/serve-pods.js';

// Row 22: requests that ask for an upgrade which a pod does not have are plain requests, and nothing is read twice or left over.

async function dial(pod: PodServer, text: string): Promise<Socket> {
  const socket = createConnection(pod.port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text, 'latin1');
  return socket;
}

/** What comes until it holds. */
async function until(socket: Socket, holds: (text: string) => boolean): Promise<string> {
  let text = '';
  for await (const chunk of socket) {
    text += (chunk as Buffer).toString('latin1');
    if (holds(text)) break;
  }
  return text;
}

const H2C = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n';

describe('22: upgrades that a pod does not have', () => {
  it('are passed over, as for the HTTP client of Java', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    const headers = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' };
    assert.equal((await askPod(`${pod.url}/healthz`, { headers })).status, 200);
    const published = await askPod(`${pod.url}/publish?stream=a`, { body: 'hello', headers });
    assert.equal(published.status, 200);
    assert.deepEqual(
      pod.log.history('a').map(({ data }) => data),
      ['hello'],
    );
  });

  it('serve a body in pieces once, and the request behind it on its own', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    const head = `POST /publish?stream=a HTTP/1.1\r\nHost: localhost\r\n${H2C}Transfer-Encoding: chunked\r\n\r\n`;
    const socket = await dial(pod, `${head}5\r\nhel`);
    socket.write('lo\r\n0\r\n\r\nPOST /publish?stream=b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi');
    const text = await until(socket, (all) => (all.match(/"acks"/g) ?? []).length === 2);
    // Node 26 serves it itself, and not what is behind it: the answer says so.
    const last = /^Connection: close\r$/m.test(text);
    assert.equal(last, Number(process.versions.node.split('.', 1)[0]) >= 26);
    assert.equal((text.match(/HTTP\/1\.1 200 OK/g) ?? []).length, last ? 1 : 2);
    const data = (stream: string) => pod.log.history(stream).map((event) => event.data);
    assert.deepEqual([data('a'), data('b')], [['hello'], last ? [] : ['hi']]);
  });

  it('are ended by the same time limits', { timeout: 20_000 }, async () => {
    await using pods = await startPods(1, { requestTimeout: 200 });
    const [pod] = pods.pods as [PodServer];
    const head = `POST /publish?stream=a HTTP/1.1\r\nHost: localhost\r\n${H2C}Content-Length: 5\r\n\r\nhel`;
    const text = await until(await dial(pod, head), () => false);
    assert.match(text, /^HTTP\/1\.1 408 /);
  });

  it('carry fields and targets as they came', async () => {
    const seen: string[] = [];
    await using pods = await startPods(1, {
      requests: (req, res) => {
        seen.push(`${req.url} ${JSON.stringify(req.rawHeaders)}`);
        res.end('seen');
      },
    });
    const [pod] = pods.pods as [PodServer];
    const fields = 'Host: localhost\r\nX-Text:  gr\u00fc\u00dfe \t x\r\nX-Twice: 1\r\nx-twice: 2\r\nX-Empty:\r\n';
    for (const upgrade of [H2C, 'Connection: keep-alive\r\n']) {
      const socket = await dial(pod, `GET /p%0d%0aath?a=%20 HTTP/1.1\r\n${fields}${upgrade}\r\n`);
      await until(socket, (text) => text.includes('seen'));
    }
    const [upgraded = '', plain = ''] = seen;
    const common =
      '"Host","localhost","X-Text","gr\u00fc\u00dfe \\t x","X-Twice","1","x-twice","2","X-Empty","","Connection"';
    assert.ok(upgraded.includes(common), upgraded);
    assert.ok(plain.includes(common), plain);
    assert.equal(upgraded.split(' ')[0], plain.split(' ')[0]);
    assert.ok(!/upgrade|http2-settings/i.test(upgraded));
  });

  it('are not had by the way: no other path takes WebSockets, with a body or without', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    const ws =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
    for (const request of [
      `POST /publish?stream=a HTTP/1.1\r\nHost: localhost\r\n${ws}Content-Length: 5\r\n\r\nhello`,
      `GET /publish?stream=a HTTP/1.1\r\nHost: localhost\r\n${ws}\r\nPOST /publish?stream=a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx`,
    ]) {
      const socket = await dial(pod, request);
      const text = await until(socket, () => false);
      assert.match(text, /^HTTP\/1\.1 404 /);
      assert.equal((text.match(/HTTP\/1\.1/g) ?? []).length, 1);
    }
    assert.equal(pod.log.newest('a'), undefined);
  });

  it('leave no connection behind when the pod goes away', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    const socket = await dial(pod, `GET /events?stream=a HTTP/1.1\r\nHost: localhost\r\n${H2C}\r\n`);
    const ended = until(socket, () => false);
    while (pod.log.counts().get('a') !== 1) await new Promise((resolve) => setImmediate(resolve));
    await pod.close({ timeout: 600_000 });
    assert.match(await ended, /retry: \d+/);
  });
});
