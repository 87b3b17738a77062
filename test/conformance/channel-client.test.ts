// Rows of client-go `tools/remotecommand/websocket_test.go` that belong to the channel layer.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { ConnectionLostError, ProtocolError } from '../../src/errors/index.js';
import { dialChannels, type ChannelMode } from '../../src/websocket/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { CLIENT, V4, V5, foreignServer, pair, readAll, readUntilError, until } from './channel-support.js';

describe('remotecommand websocket_test', () => {
  for (const [row, channel] of [
    ['LoopbackStdinToStdout', 1],
    ['LoopbackStdinToStderr', 2],
  ] as const) {
    it(`TestWebSocketClient_${row}`, async (t) => {
      const { server, client } = await pair(t);
      server.channel(0).pipe(server.channel(channel));
      server.channel(channel).once('finish', () => void server.close());
      const data = randomBytes(1024 * 1024);
      client.channel(0).end(data);
      assert.ok((await readAll(client.channel(channel))).equals(data));
    });
  }

  it('TestWebSocketClient_DifferentBufferSizes: payloads around each size, byte for byte', async (t) => {
    for (const size of [1, 1023, 1024, 4096, 32_768, 65_535, 65_536, 65_537, 131_072]) {
      const { server, client } = await pair(t);
      const data = randomBytes(size);
      client.channel(0).end(data);
      const received = await readAll(server.channel(0));
      server.channel(1).end(received);
      await server.close();
      assert.ok((await readAll(client.channel(1))).equals(data), `size ${size}`);
    }
  });

  it('TestWebSocketClient_LoopbackStdinAsPipe: many writes, half-close, everything arrives', async (t) => {
    const { server, client } = await pair(t);
    const stdin = client.channel(0);
    for (let index = 0; index < 1000; index++) stdin.write(`${index}\n`);
    stdin.end();
    const lines = (await readAll(server.channel(0))).toString().trimEnd().split('\n');
    assert.deepEqual(
      lines,
      Array.from({ length: 1000 }, (_value, index) => String(index)),
    );
  });

  it('TestWebSocketClient_MultipleReadChannels and MultipleWriteChannels: data of each stays its own', async (t) => {
    const count = 255;
    const modes = (mode: ChannelMode): ChannelMode[] => Array.from({ length: count }, () => mode);
    const { server, client } = await pair(t, { channels: modes('duplex') }, { channels: modes('duplex') });
    const received = Array.from({ length: count }, (_value, n) => readAll(client.channel(n)));
    for (let n = 0; n < count; n++) {
      server.channel(n).pipe(server.channel(n));
      client.channel(n).end(Buffer.alloc(1000, n));
    }
    await Promise.all(Array.from({ length: count }, (_value, n) => once(server.channel(n), 'finish')));
    await server.close();
    for (const [n, data] of (await Promise.all(received)).entries()) assert.deepEqual(data, Buffer.alloc(1000, n));
  });

  it('TestWebSocketClient_ErrorStream: a Status on channel 3 arrives beside output', async (t) => {
    const { server, client } = await pair(t);
    server.channel(1).end('out');
    server.channel(3).end('{"status":"Success"}');
    await server.close();
    assert.equal((await readAll(client.channel(1))).toString(), 'out');
    assert.equal((await readAll(client.channel(3))).toString(), '{"status":"Success"}');
  });

  it('TestWebSocketClient_ProtocolVersions: below v5 nothing is sent at the end of a channel', async (t) => {
    for (const [protocol, expected] of [
      [V5, ['\0in', '\xff\0']],
      [V4, ['\0in']],
    ] as const) {
      const { url, connected } = await foreignServer(t);
      const client = await dialChannels({ url }, { ...CLIENT, protocols: [protocol] });
      const peer = await connected;
      const messages: string[] = [];
      peer.on('message', (data: Buffer) => messages.push(data.toString('latin1')));
      client.channel(0).end('in');
      await client.close();
      assert.deepEqual(messages, expected);
      assert.equal(client.protocol, protocol);
    }
  });

  it('TestWebSocketClient_TextMessageTypeError: text is fatal', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, CLIENT);
    (await connected).send('\x01text');
    const { error } = await readUntilError(client.channel(1));
    assert.ok(error instanceof ConnectionLostError);
    const reason = await client.closed;
    assert.equal(reason.kind, 'protocol-error');
    assert.ok(reason.error instanceof ProtocolError);
    assert.match(reason.error.message, /text message/);
  });

  it('TestWebSocketClient_EmptyMessageHandled: a message without a channel is fatal', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, CLIENT);
    (await connected).send(Buffer.alloc(0));
    const { error } = await readUntilError(client.channel(1));
    assert.match(String(error), /without a channel number/);
    assert.equal((await client.closed).kind, 'protocol-error');
  });

  it('an unknown channel, and the close signal that no server sends, are discarded', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, CLIENT);
    const peer = await connected;
    peer.send(Buffer.of(99, 1));
    peer.send(Buffer.of(255, 1));
    peer.send(Buffer.from('\x01out'));
    peer.close(1000);
    assert.equal((await readAll(client.channel(1))).toString(), 'out');
  });

  it('TestWebSocketClient_HeartbeatSucceeds: pings each period, stays alive on pongs', async (t) => {
    const clock = new VirtualClock();
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, { ...CLIENT, clock });
    const peer = await connected;
    let pings = 0;
    peer.on('ping', () => pings++);
    for (let turn = 1; turn <= 30; turn++) {
      clock.advance(5_000);
      await until(() => pings === turn);
      // The pong comes behind the ping on the wire; a round trip of data makes sure that it was read.
      peer.send(Buffer.of(1, turn));
      await once(client.channel(1), 'data');
    }
    await client.close();
    assert.deepEqual(await client.closed, { kind: 'closed', initiator: 'local' });
  });

  it('TestWebSocketClient_HeartbeatTimeout: a silent peer is lost after the deadline', async (t) => {
    const clock = new VirtualClock();
    const { url, connected } = await foreignServer(t, { autoPong: false });
    const client = await dialChannels({ url }, { ...CLIENT, clock });
    const peer = await connected;
    for (let turn = 1; turn <= 12; turn++) {
      const pinged = once(peer, 'ping');
      clock.advance(5_000);
      await pinged;
    }
    clock.advance(999);
    const reading = readUntilError(client.channel(1));
    clock.advance(1);
    const { error } = await reading;
    assert.ok(error instanceof ConnectionLostError);
    assert.equal((await client.closed).kind, 'ping-timeout');
    assert.equal(clock.pending, 0);
  });

  it('TestLateStreamCreation: a channel asked for after the end tells how it ended', async (t) => {
    for (const clean of [true, false]) {
      const { server, client } = await pair(t);
      if (clean) void server.close();
      else server.destroy();
      await client.closed;
      const late = client.channel(1);
      if (clean) assert.equal((await readAll(late)).length, 0);
      else assert.ok((await readUntilError(late)).error instanceof ConnectionLostError);
      await assert.rejects(
        new Promise((resolve, reject) => {
          client.channel(0).write('x', (error) => (error ? reject(error) : resolve(undefined)));
        }),
      );
    }
  });

  it('what arrives before a channel is asked for is kept', async (t) => {
    const { server, client } = await pair(t);
    server.channel(1).end('early');
    await server.close();
    await client.closed;
    assert.equal((await readAll(client.channel(1))).toString(), 'early');
  });

  it('double close: of a channel, and of the connection', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, CLIENT);
    const messages: string[] = [];
    (await connected).on('message', (data: Buffer) => messages.push(data.toString('hex')));
    client.channel(0).end();
    client.channel(0).end();
    await Promise.all([client.close(), client.close()]);
    await client.close();
    client.destroy();
    assert.deepEqual(messages, ['ff00']);
    assert.equal((await client.closed).kind, 'closed');
  });

  it('data after the end of a channel does not crash', async (t) => {
    const { server, client } = await pair(t);
    client.channel(0).end('x');
    client.channel(0).write('late');
    assert.equal((await readAll(server.channel(0))).toString(), 'x');
  });
});

describe('the end of the connection', () => {
  it('a close with another code is a loss, after what had arrived', async (t) => {
    for (const code of [1001, 1011, 4000, undefined]) {
      const { url, connected } = await foreignServer(t);
      const client = await dialChannels({ url }, CLIENT);
      const peer = await connected;
      peer.send(Buffer.from('\x01partial'));
      peer.close(code);
      const { data, error } = await readUntilError(client.channel(1));
      assert.equal(data.toString(), 'partial');
      assert.ok(error instanceof ConnectionLostError);
    }
  });

  it('a lost socket is a loss, after what had arrived', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, CLIENT);
    const peer = await connected;
    peer.send(Buffer.from('\x01partial'), () => peer.terminate());
    const { data, error } = await readUntilError(client.channel(1));
    assert.equal(data.toString(), 'partial');
    assert.ok(error instanceof ConnectionLostError);
    const reason = await client.closed;
    assert.ok(reason.kind === 'ended' || reason.kind === 'lost', reason.kind);
  });

  it('close sends all that was accepted first', async (t) => {
    const { server, client } = await pair(t);
    const data = randomBytes(8 * 1024 * 1024);
    server.channel(1).write(data);
    void server.close();
    assert.ok((await readAll(client.channel(1))).equals(data));
  });

  it('close drops what arrives for a full channel, and does not call it an end', async (t) => {
    const { server, client } = await pair(t, { limits: { streamBufferBytes: 1000 } });
    client.channel(0).end(Buffer.alloc(4 * 1024 * 1024));
    await until(() => server.channel(0).listenerCount('error') > 0);
    await server.close();
    const { error } = await readUntilError(server.channel(0));
    assert.ok(error instanceof ConnectionLostError);
  });

  it('the idle timeout closes, and pings do not put it off', async (t) => {
    const clock = new VirtualClock();
    const { server, client } = await pair(t, { clock, idleTimeout: 60_000 }, { heartbeat: false });
    clock.advance(59_999);
    client.channel(0).write('x');
    await once(server.channel(0), 'data');
    clock.advance(59_999);
    clock.advance(1);
    assert.equal((await server.closed).kind, 'idle-timeout');
    await assert.rejects(readAll(server.channel(0)), { code: 'ERR_IDLE_TIMEOUT' });
    await client.closed;
  });
});
