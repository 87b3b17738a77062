// Rows of apimachinery `httpstream/wsstream/conn_test.go` that concern binary channels; TestBase64Conn is in
// channel-base64.test.ts. There is no `wsstream.Reader`, the log stream of stream_test.go.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { ProtocolError } from '../../src/errors/index.js';
import {
  isHalfCloseRequest,
  isWebSocketRequest,
  supportsHalfClose,
  type ChannelMode,
} from '../../src/websocket/index.js';
import { V4, V5, channelServer, foreignClient, readAll } from './channel-support.js';

function request(headers: Record<string, string>): IncomingMessage {
  const req = new IncomingMessage(new Socket());
  for (const [name, value] of Object.entries(headers)) {
    req.headers[name] = value;
    req.headersDistinct[name] = [value];
  }
  return req;
}

const modesByVersion = (protocol: string): readonly ChannelMode[] => (protocol === V5 ? ['read', 'read'] : ['read']);

describe('wsstream conn_test', () => {
  it('TestRawConn: raw channels both ways, each direction by mode', async (t) => {
    const { url, accepted } = await channelServer(t, { channels: ['duplex', 'duplex', 'ignore', 'read', 'write'] });
    const peer = await foreignClient(t, url, []);
    const connection = await accepted;
    assert.equal(connection.protocol, '');
    peer.send(Buffer.from('\0client'));
    const [first] = (await once(connection.channel(0), 'data')) as [Buffer];
    assert.equal(first.toString(), 'client');
    connection.channel(1).write('server');
    const [message, binary] = (await once(peer, 'message')) as [Buffer, boolean];
    assert.deepEqual([message.toString(), binary], ['\x01server', true]);
    // Written to channels that do not receive: dropped without harm.
    peer.send(Buffer.from('\x02ignored'));
    peer.send(Buffer.from('\x04ignored'));
    peer.send(Buffer.from('\x03read'));
    const [third] = (await once(connection.channel(3), 'data')) as [Buffer];
    assert.equal(third.toString(), 'read');
    connection.channel(4).write('out');
    assert.equal(((await once(peer, 'message')) as [Buffer])[0].toString(), '\x04out');
  });

  it('TestVersionedConn: the first of the client that the server knows', async (t) => {
    for (const [offered, chosen] of [
      [[V5, V4], V5],
      [[V4, V5], V4],
      [['v9.channel.k8s.io', V4], V4],
      [['channel.k8s.io'], 'channel.k8s.io'],
    ] as const) {
      const { url, accepted } = await channelServer(t);
      const peer = await foreignClient(t, url, offered);
      assert.equal(peer.protocol, chosen);
      assert.equal((await accepted).protocol, chosen);
    }
  });

  it('the modes can depend on the version', async (t) => {
    const { url, accepted } = await channelServer(t, { channels: modesByVersion });
    await foreignClient(t, url, [V4]);
    const connection = await accepted;
    assert.doesNotThrow(() => connection.channel(0));
    assert.throws(() => connection.channel(1), { code: 'ERR_INVALID_ARGUMENT' });
  });

  it('TestIsWebSocketRequestWithStreamCloseProtocol', () => {
    const base = { connection: 'upgrade', upgrade: 'websocket' };
    assert.equal(isHalfCloseRequest(request({ ...base, 'sec-websocket-protocol': V5 })), true);
    assert.equal(isHalfCloseRequest(request({ ...base, 'sec-websocket-protocol': `${V4},  ${V5} , x` })), true);
    assert.equal(isHalfCloseRequest(request({ ...base, 'sec-websocket-protocol': `${V4},v3.channel.k8s.io` })), false);
    assert.equal(isHalfCloseRequest(request(base)), false);
    assert.equal(isHalfCloseRequest(request({ ...base, upgrade: 'spdy/3.1', 'sec-websocket-protocol': V5 })), false);
    assert.equal(isWebSocketRequest(request({ connection: 'keep-alive, Upgrade', upgrade: 'WebSocket' })), true);
    assert.equal(isWebSocketRequest(request({ upgrade: 'websocket' })), false);
  });

  it('TestProtocolSupportsStreamClose', () => {
    for (const protocol of [V4, 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io', 'v5', '', 'unknown']) {
      assert.equal(supportsHalfClose(protocol), false, protocol);
    }
    assert.equal(supportsHalfClose(V5), true);
  });
});

describe('server of v5', () => {
  it('ends one channel on the close signal; the others go on; a second signal and late data are ignored', async (t) => {
    const { url, accepted } = await channelServer(t);
    const peer = await foreignClient(t, url);
    const connection = await accepted;
    peer.send(Buffer.from('\0all'));
    peer.send(Buffer.of(255, 0));
    peer.send(Buffer.of(255, 0));
    peer.send(Buffer.from('\0late'));
    peer.send(Buffer.from('\x04{}'));
    assert.equal((await readAll(connection.channel(0))).toString(), 'all');
    assert.equal(((await once(connection.channel(4), 'data')) as [Buffer])[0].toString(), '{}');
  });

  for (const [name, bytes] of [
    ['without a channel', [255]],
    ['with two channels', [255, 0, 1]],
    ['for a channel that does not exist', [255, 5]],
  ] as const) {
    it(`a close signal ${name} drops the connection`, async (t) => {
      const { url, accepted } = await channelServer(t);
      const peer = await foreignClient(t, url);
      const connection = await accepted;
      peer.send(Buffer.from(bytes));
      assert.equal(((await once(peer, 'close')) as [number])[0], 1002);
      const reason = await connection.closed;
      assert.equal(reason.kind, 'protocol-error');
      assert.ok(reason.error instanceof ProtocolError);
    });
  }

  it('before v5, 255 is an unknown channel', async (t) => {
    const { url, accepted } = await channelServer(t);
    const peer = await foreignClient(t, url, [V4]);
    const connection = await accepted;
    peer.send(Buffer.of(255, 0));
    peer.send(Buffer.of(77, 1, 2));
    peer.send(Buffer.from('\0still open'));
    assert.equal(((await once(connection.channel(0), 'data')) as [Buffer])[0].toString(), 'still open');
  });

  it('ends channels on a clean close, with and without a code', async (t) => {
    for (const code of [1000, undefined]) {
      const { url, accepted } = await channelServer(t);
      const peer = await foreignClient(t, url);
      const connection = await accepted;
      peer.send(Buffer.from('\0all'));
      peer.close(code);
      assert.equal((await readAll(connection.channel(0))).toString(), 'all');
      assert.deepEqual(await connection.closed, { kind: 'going-away', initiator: 'remote' });
    }
  });

  it('announces itself with an empty message', async (t) => {
    const { url, accepted } = await channelServer(t);
    const peer = await foreignClient(t, url);
    (await accepted).channel(1).write(Buffer.alloc(0));
    assert.deepEqual(((await once(peer, 'message')) as [Buffer])[0], Buffer.of(1));
  });

  it('reads text frames as bytes, as client libraries send them', async (t) => {
    const { url, accepted } = await channelServer(t);
    const peer = await foreignClient(t, url, [V4]);
    peer.send('\0text');
    assert.equal(((await once((await accepted).channel(0), 'data')) as [Buffer])[0].toString(), 'text');
  });
});
