// Rows of client-go `transport/websocket/roundtripper_test.go`, TestWebSocketClient_BadHandshake, and RFC 6455, 4.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { ConnectionLostError, TimeoutError } from '../../src/errors/index.js';
import { UpgradeFailureError, failureStatus, isUpgradeFailure } from '../../src/httpstream/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { dialChannels } from '../../src/websocket/index.js';
import { CLIENT, V4, V5, channelServer, foreignClient, foreignServer, listen } from './channel-support.js';

const GOOD: Readonly<Record<string, string>> = {
  Host: 'a',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol': V5,
};

async function answer(port: number, changes: Record<string, string | undefined>, method = 'GET'): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const fields = Object.entries({ ...GOOD, ...changes }).filter(([, value]) => value !== undefined);
  socket.write(`${method} / HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`);
  return text(socket);
}

describe('server handshake', () => {
  for (const [name, changes, status] of [
    ['no version', { 'Sec-WebSocket-Version': undefined }, 400],
    ['version 8', { 'Sec-WebSocket-Version': '8' }, 400],
    ['no key', { 'Sec-WebSocket-Key': undefined }, 400],
    ['bad key', { 'Sec-WebSocket-Key': 'short' }, 400],
    ['another upgrade', { Upgrade: 'SPDY/3.1' }, 400],
    ['a body', { 'Content-Length': '5' }, 400],
    ['a chunked body', { 'Transfer-Encoding': 'chunked' }, 400],
    ['no common subprotocol', { 'Sec-WebSocket-Protocol': 'v9.channel.k8s.io, other' }, 403],
  ] as const) {
    it(`refuses ${name} with ${status} and a Status`, async (t) => {
      const { port, accepted } = await channelServer(t);
      const response = await answer(port, changes);
      assert.ok(response.startsWith(`HTTP/1.1 ${status} `), response);
      const body = JSON.parse(response.slice(response.indexOf('\r\n\r\n'))) as { kind: string; code: number };
      assert.deepEqual([body.kind, body.code], ['Status', status]);
      await assert.rejects(accepted, (error) => error instanceof UpgradeFailureError && error.statusCode === status);
    });
  }

  it('refuses POST with 405', async (t) => {
    const { port } = await channelServer(t);
    assert.match(await answer(port, {}, 'POST'), /^HTTP\/1\.1 405 /);
  });

  it('takes a client without subprotocol, and names none in the answer', async (t) => {
    const { port, accepted } = await channelServer(t);
    const answered = answer(port, { 'Sec-WebSocket-Protocol': undefined });
    const connection = await accepted;
    assert.equal(connection.protocol, '');
    connection.destroy();
    const response = await answered;
    assert.match(response, /^HTTP\/1\.1 101 /);
    assert.doesNotMatch(response, /Sec-WebSocket-Protocol/i);
    // The accept value of RFC 6455, 1.3.
    assert.match(response, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
  });

  it('takes lists that ws would refuse: repeated entries, spaces, empty parts', async (t) => {
    const { port, accepted } = await channelServer(t);
    const answered = answer(port, { 'Sec-WebSocket-Protocol': `, ${V4},  ${V4},${V5}` });
    assert.equal((await accepted).protocol, V4);
    (await accepted).destroy();
    assert.match(await answered, /Sec-WebSocket-Protocol: v4\.channel\.k8s\.io\r\n/);
  });

  it('takes bytes that came behind the request', async (t) => {
    const { port, accepted } = await channelServer(t);
    const socket = connect(port, '127.0.0.1');
    t.after(() => socket.destroy());
    const head = Object.entries(GOOD).map(([name, value]) => `${name}: ${value}\r\n`);
    // A masked binary frame with mask 0: channel 0, "hi".
    const frame = Buffer.from([0x82, 0x83, 0, 0, 0, 0, 0, 104, 105]);
    socket.write(Buffer.concat([Buffer.from(`GET / HTTP/1.1\r\n${head.join('')}\r\n`), frame]));
    assert.equal(String(((await once((await accepted).channel(0), 'data')) as [Buffer])[0]), 'hi');
  });

  it('lets verify refuse, with its own Status, before anything is upgraded', async (t) => {
    const status = failureStatus(401, 'who are you', 'Unauthorized');
    const verify = async (): Promise<{ code: number; message: string; status: typeof status }> => ({
      code: 401,
      message: 'no',
      status,
    });
    const { url } = await channelServer(t, { verify });
    await assert.rejects(dialChannels({ url }, CLIENT), (error) => {
      assert.ok(error instanceof UpgradeFailureError);
      assert.deepEqual([error.statusCode, error.status?.message], [401, 'who are you']);
      return true;
    });
  });

  it('answers 500 when verify throws, without telling why', async (t) => {
    const verify = (): never => {
      throw new Error('secret reason');
    };
    const { port, accepted } = await channelServer(t, { verify });
    const response = await answer(port, {});
    assert.match(response, /^HTTP\/1\.1 500 /);
    assert.doesNotMatch(response, /secret reason/);
    await assert.rejects(accepted, UpgradeFailureError);
  });

  it('ignores bearer tokens among the subprotocols', async (t) => {
    const { url, accepted } = await channelServer(t);
    const peer = await foreignClient(t, url, ['base64url.bearer.authorization.k8s.io.dG9rZW4', V4]);
    assert.equal(peer.protocol, V4);
    assert.equal((await accepted).protocol, V4);
  });
});

describe('websocket roundtripper_test', () => {
  it('RoundTripperSucceeds: each offered subprotocol, and the first of several', async (t) => {
    for (const protocols of [[V5], [V4], [V5, V4]]) {
      const { url } = await foreignServer(t);
      const client = await dialChannels({ url }, { ...CLIENT, protocols });
      assert.equal(client.protocol, protocols[0]);
      await client.close();
    }
  });

  it('RoundTripperFails: a Status in the body is the cause', async (t) => {
    const { url } = await listen(t, (_req, socket) => {
      const body = JSON.stringify(failureStatus(403, 'pods "p" is forbidden'));
      socket.end(`HTTP/1.1 403 Forbidden\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    await assert.rejects(dialChannels({ url }, CLIENT), (error) => {
      assert.ok(error instanceof UpgradeFailureError && isUpgradeFailure(error));
      assert.deepEqual([error.statusCode, error.status?.reason], [403, 'Forbidden']);
      return error.message.includes('pods "p" is forbidden');
    });
  });

  for (const [name, response] of [
    ['plain text', 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\noops'],
    ['a body cut short', 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 400\r\n\r\noops'],
    ['no body', 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n'],
    ['a success that upgrades nothing', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\noops'],
    ['a redirect', 'HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n'],
    ['a 101 to something else', 'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n'],
    [
      'a 101 with a wrong key',
      'HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n',
    ],
    ['no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
  ] as const) {
    it(`TestWebSocketClient_BadHandshake: ${name} is an upgrade failure`, async (t) => {
      const { url } = await listen(t, (_req, socket) => socket.end(response));
      await assert.rejects(dialChannels({ url }, CLIENT), (error) => {
        assert.ok(error instanceof UpgradeFailureError, String(error));
        const code = /^HTTP\/1\.1 (\d+)/.exec(response)?.[1];
        return error.statusCode === (code === undefined ? undefined : Number(code));
      });
    });
  }

  it('caps what it keeps of a body', async (t) => {
    const { url } = await listen(t, (_req, socket) => {
      socket.on('error', () => {});
      socket.write(`HTTP/1.1 500 X\r\n\r\n${'x'.repeat(100_000)}`);
    });
    await assert.rejects(dialChannels({ url }, { ...CLIENT, limits: { errorBodyBytes: 1000 } }), (error) => {
      return error instanceof UpgradeFailureError && error.body?.length === 1000;
    });
  });

  it('an unknown subprotocol, and none at all, fail', async (t) => {
    for (const protocol of ['v9.channel.k8s.io', false] as const) {
      const { url } = await foreignServer(t, { protocol });
      await assert.rejects(dialChannels({ url }, CLIENT), UpgradeFailureError);
    }
  });

  it('a connection that fails before any answer is lost, not refused', async (t) => {
    const { url } = await listen(t, (_req, socket) => socket.destroy());
    await assert.rejects(dialChannels({ url }, CLIENT), (error) => {
      return error instanceof ConnectionLostError && !isUpgradeFailure(error);
    });
    await assert.rejects(dialChannels({ url: 'http://127.0.0.1:1/' }, CLIENT), ConnectionLostError);
  });

  it('stops at any step when aborted', async (t) => {
    const reason = new Error('enough');
    await assert.rejects(
      dialChannels({ url: 'http://127.0.0.1:1/', signal: AbortSignal.abort(reason) }, CLIENT),
      reason,
    );
    const controller = new AbortController();
    const { url } = await listen(t, () => controller.abort(reason));
    await assert.rejects(dialChannels({ url, signal: controller.signal }, CLIENT), reason);
  });

  it('gives up after the timeout', async (t) => {
    const clock = new VirtualClock();
    const { url } = await listen(t, () => clock.advance(10_000));
    await assert.rejects(dialChannels({ url }, { ...CLIENT, clock }), TimeoutError);
    assert.equal(clock.pending, 0);
  });

  it('sends headers, and credentials of the address as Authorization', async (t) => {
    const seen: string[] = [];
    const { port } = await listen(t, (req, socket) => {
      seen.push(String(req.headers['authorization']), String(req.headers['x-two']), String(req.url));
      socket.end('HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n');
    });
    const url = `http://user:hunter2@127.0.0.1:${port}/exec?command=ls#fragment`;
    const headers = { 'X-Two': ['1', '2'] };
    await assert.rejects(dialChannels({ url, headers }, CLIENT), (error: Error) => !/hunter2|user/.test(error.message));
    assert.deepEqual(seen, [`Basic ${Buffer.from('user:hunter2').toString('base64')}`, '1, 2', '/exec?command=ls']);
    await assert.rejects(dialChannels({ url, headers: { Authorization: 'Bearer t' } }, CLIENT));
    assert.equal(seen[3], 'Bearer t');
  });
});
