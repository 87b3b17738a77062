import assert from 'node:assert/strict';
import { createServer, request, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { Status } from '../../../src/httpstream/index.js';
import { remoteCommandHandler } from '../../../src/remotecommand/index.js';

interface Answer {
  readonly code: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly status: Status | undefined;
}

const SPDY = { Connection: 'Upgrade', Upgrade: 'SPDY/3.1' };

describe('what is wrong before the upgrade is an HTTP status with a Status', () => {
  const server = createServer();
  before(async () => {
    const serve = remoteCommandHandler(() => 0, { webSocket: false, ttyWithStderr: 'reject' });
    server.on('upgrade', serve);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  after(() => server.close());

  function ask(query: string, headers: Record<string, string | string[]>): Promise<Answer> {
    const { port } = server.address() as AddressInfo;
    return new Promise((resolve, reject) => {
      const req = request({ host: '127.0.0.1', port, path: `/exec${query}`, method: 'POST', headers, agent: false });
      req.on('error', reject);
      req.on('upgrade', (res, socket) => {
        socket.destroy();
        resolve({ code: res.statusCode, headers: res.headers, status: undefined });
      });
      req.on('response', (res) => {
        let body = '';
        res.on('data', (chunk) => (body += String(chunk)));
        res.on('end', () => {
          resolve({ code: res.statusCode, headers: res.headers, status: JSON.parse(body) as Status });
        });
      });
      req.end();
    });
  }

  const v4 = { ...SPDY, 'X-Stream-Protocol-Version': 'v4.channel.k8s.io' };
  const refusals: readonly (readonly [string, string, Record<string, string>, number])[] = [
    ['no stream asked for', '?command=x', v4, 400],
    ['no query', '', v4, 400],
    ['a flag that is no boolean', '?stdin=maybe', v4, 400],
    ['a terminal with stderr, where that is rejected', '?tty=true&stdout=true&stderr=true', v4, 400],
    ['no stream protocol', '?stdout=true', SPDY, 400],
    ['no stream protocol in common', '?stdout=true', { ...SPDY, 'X-Stream-Protocol-Version': 'v9' }, 403],
    [
      'v5 alone, which is for WebSockets',
      '?stdout=true',
      { ...SPDY, 'X-Stream-Protocol-Version': 'v5.channel.k8s.io' },
      403,
    ],
    ['another upgrade', '?stdout=true', { ...v4, Upgrade: 'h2c' }, 400],
    ['a WebSocket, where they are turned off', '?stdout=true', { Connection: 'Upgrade', Upgrade: 'websocket' }, 400],
  ];
  for (const [name, query, headers, code] of refusals) {
    test(`${name}: ${code}`, async () => {
      const answer = await ask(query, headers);
      assert.equal(answer.code, code);
      assert.equal(answer.status?.kind, 'Status');
      assert.equal(answer.status.code, code);
      if (code === 403)
        assert.match(String(answer.headers['x-accepted-stream-protocol-versions']), /v4.*v3.*v2.*channel/);
    });
  }

  test("the client's first that is known is chosen", async () => {
    const offered = ['v5.channel.k8s.io', 'v3.channel.k8s.io, v4.channel.k8s.io'];
    const answer = await ask('?stdout=true', { ...SPDY, 'X-Stream-Protocol-Version': offered });
    assert.equal(answer.code, 101);
    assert.equal(answer.headers['x-stream-protocol-version'], 'v3.channel.k8s.io');
  });
});

test('options out of range are refused at once', () => {
  for (const name of ['creationTimeout', 'idleTimeout', 'drainTimeout', 'closeTimeout', 'pingPeriod']) {
    for (const value of [-1, Number.NaN, Infinity]) {
      assert.throws(() => remoteCommandHandler(() => 0, { [name]: value }), { code: 'ERR_INVALID_ARGUMENT' });
    }
  }
  assert.throws(() => remoteCommandHandler(() => 0, { limits: { maxStreams: 0 } }), { code: 'ERR_INVALID_ARGUMENT' });
});
