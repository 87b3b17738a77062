import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, it } from 'node:test';
import { ChannelStream } from '../../src/carrier/websocket/channel-stream.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { channelServer, foreignClient, pair, readAll, until } from './channel-support.js';

function held(stream: Duplex): number {
  assert.ok(stream instanceof ChannelStream);
  return stream.held;
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}

describe('backpressure', () => {
  it('a channel that is not read pauses the WebSocket, and everything arrives once it is', async (t) => {
    const { server, client } = await pair(t);
    const size = 16 * 1024 * 1024;
    const stdin = client.channel(0);
    assert.equal(stdin.write(Buffer.alloc(size, 1)), false);
    stdin.end();
    const peer = server.channel(0);
    client.channel(4).end('{}');
    // Stdin fills first; what comes behind it waits in the kernel and at the client.
    await until(() => held(peer) >= 256 * 1024);
    await turns(20);
    assert.ok(held(peer) <= 256 * 1024 + 2 * 65_536, `${held(peer)} bytes held`);
    assert.equal(stdin.writableFinished, false);
    assert.equal((await readAll(peer)).length, size);
    assert.equal((await readAll(server.channel(4))).toString(), '{}');
  });

  it('a destroyed channel discards, and holds up nobody', async (t) => {
    const { server, client } = await pair(t);
    client.channel(0).end(Buffer.alloc(8 * 1024 * 1024));
    server.channel(0).destroy();
    client.channel(4).end('{}');
    assert.equal((await readAll(server.channel(4))).toString(), '{}');
  });

  it('destroying a full channel lets the others go on', async (t) => {
    const { server, client } = await pair(t);
    client.channel(0).write(Buffer.alloc(8 * 1024 * 1024));
    const stdin = server.channel(0);
    await once(stdin, 'readable');
    client.channel(4).end('{}');
    stdin.destroy();
    assert.equal((await readAll(server.channel(4))).toString(), '{}');
  });

  it('write() says when to wait, and drain when to go on', async (t) => {
    const { server, client } = await pair(t);
    const stdout = server.channel(1);
    let waits = 0;
    const written = (async () => {
      for (let index = 0; index < 200; index++) {
        if (stdout.write(Buffer.alloc(65_536, index))) continue;
        waits++;
        await once(stdout, 'drain');
      }
      stdout.end();
      await server.close();
    })();
    await once(client.channel(1), 'readable');
    const data = await readAll(client.channel(1));
    await written;
    assert.equal(data.length, 200 * 65_536);
    assert.ok(waits > 0);
  });

  it('while this side pauses, the read deadline is suspended and pings go on', async (t) => {
    const clock = new VirtualClock();
    const { server, client } = await pair(t, { heartbeat: false }, { clock, limits: { streamBufferBytes: 1000 } });
    server.channel(1).write(Buffer.alloc(4 * 1024 * 1024, 1));
    await until(() => held(client.channel(1)) >= 1000);
    // Ten minutes of not reading.
    for (let turn = 0; turn < 120; turn++) {
      clock.advance(5_000);
      await turns(1);
    }
    server.channel(1).end();
    void server.close();
    assert.equal((await readAll(client.channel(1))).length, 4 * 1024 * 1024);
  });

  it('a server that pauses pings, so that a vanished client shows', async (t) => {
    const clock = new VirtualClock();
    const { url, accepted } = await channelServer(t, { clock, limits: { streamBufferBytes: 1000 } });
    const peer = await foreignClient(t, url);
    const server = await accepted;
    peer.send(Buffer.alloc(2000));
    await until(() => held(server.channel(0)) >= 1000);
    const pinged = once(peer, 'ping');
    clock.advance(15_000);
    await pinged;
    // The client vanishes; the server does not read, but writes now and then.
    peer.terminate();
    let over = false;
    void server.closed.then(() => (over = true));
    await until(() => {
      clock.advance(15_000);
      return over;
    });
    assert.ok(['lost', 'ended'].includes((await server.closed).kind));
  });
});
