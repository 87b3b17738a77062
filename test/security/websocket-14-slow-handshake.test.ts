// Row 14: one byte per ten seconds, on each phase.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { TimeoutError } from '../../src/errors/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { dialChannels } from '../../src/websocket/index.js';
import { CLIENT, channelServer, until } from '../conformance/channel-support.js';
import { HANDSHAKE, clientFrame, rawClient } from './websocket-support.js';

async function drippingServer(t: TestContext, clock: VirtualClock, answer: string): Promise<string> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => void drip(socket, clock, answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

async function drip(socket: Socket, clock: VirtualClock, text: string): Promise<void> {
  for (const character of text) {
    if (!socket.writable) return;
    await new Promise((resolve) => socket.write(character, resolve));
    clock.advance(10_000);
  }
}

describe('slow peers', () => {
  for (const [phase, answer] of [
    ['the status line', 'HTTP/1.1 101 Switching Protocols\r\n'],
    ['interim answers', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(100)],
    ['the body of a refusal', `HTTP/1.1 500 X\r\nContent-Length: 100\r\n\r\n${'x'.repeat(100)}`],
  ] as const) {
    it(`a server that drips ${phase} is given up on time`, async (t) => {
      const clock = new VirtualClock();
      const url = await drippingServer(t, clock, answer);
      await assert.rejects(dialChannels({ url, timeout: 10_000 }, { ...CLIENT, clock }), TimeoutError);
      assert.equal(clock.pending, 0);
    });
  }

  it('a server that never answers TLS is given up on time', async (t) => {
    const clock = new VirtualClock();
    const url = await drippingServer(t, clock, '');
    const dialling = dialChannels({ url: url.replace('http:', 'https:') }, { ...CLIENT, clock });
    clock.advance(10_000);
    await assert.rejects(dialling, TimeoutError);
  });

  it('a client that does not take its refusal is cut off', async (t) => {
    const clock = new VirtualClock();
    const { port, accepted } = await channelServer(t, { clock });
    // It keeps its side open and reads nothing.
    const client = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    client.on('error', () => {});
    t.after(() => client.destroy());
    client.pause();
    client.write(HANDSHAKE.replace('v5.channel', 'v9.channel'));
    await assert.rejects(accepted);
    assert.ok(clock.pending > 0);
    clock.advance(10_000);
    await until(() => clock.pending === 0);
  });

  it('a client that drips a message does not put off the idle timeout', async (t) => {
    const clock = new VirtualClock();
    const { port, accepted } = await channelServer(t, { clock, idleTimeout: 60_000 });
    const peer = await rawClient(t, port);
    peer.resume();
    const connection = await accepted;
    let over = false;
    void connection.closed.then(() => (over = true));
    const dripping = drip(peer, clock, clientFrame(2, Buffer.alloc(100, 65)).toString('latin1'));
    await until(() => over || !peer.writable);
    assert.equal((await connection.closed).kind, 'idle-timeout');
    await dripping;
  });
});
