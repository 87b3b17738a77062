// Row 10: the peer does not read, and what we owe it piles up.
import assert from 'node:assert/strict';
import type { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { acceptChannels, dialChannels, type ChannelConnection } from '../../src/websocket/index.js';
import { CLIENT, SERVER, channelServer, listen, pair, readAll, until } from '../conformance/channel-support.js';
import { clientFrame, rawClient } from './websocket-support.js';

const MIB = 1024 * 1024;

describe('a peer that does not read', () => {
  it('cannot make us queue output: at most the outbound limit and one write wait', async (t) => {
    let carrierQueue = (): number => 0;
    const accepted: ChannelConnection[] = [];
    const { port } = await listen(t, (req, socket, head) => {
      carrierQueue = () => socket.writableLength;
      void acceptChannels(req, socket, head, SERVER).then((connection) => accepted.push(connection));
    });
    const peer = await rawClient(t, port);
    peer.pause();
    await until(() => accepted.length === 1);
    const stdout = accepted[0]?.channel(1);
    assert.ok(stdout !== undefined);
    let most = 0;
    let written = 0;
    // More than kernel buffers take, in writes that mind backpressure.
    while (stdout.write(Buffer.alloc(64 * 1024)) || (await drained(stdout))) {
      written++;
      most = Math.max(most, carrierQueue());
    }
    assert.ok(written > 0);
    assert.ok(most <= MIB, `${most} bytes queued`);
    accepted[0]?.destroy();
  });

  it('cannot make us queue pongs', async (t) => {
    let carrierQueue = (): number => 0;
    const accepted: ChannelConnection[] = [];
    const { port } = await listen(t, (req, socket, head) => {
      carrierQueue = () => socket.writableLength;
      void acceptChannels(req, socket, head, SERVER).then((connection) => accepted.push(connection));
    });
    const peer = await rawClient(t, port);
    peer.pause();
    await until(() => accepted.length === 1);
    const connection = accepted[0];
    assert.ok(connection !== undefined);
    connection.channel(1).write(Buffer.alloc(32 * MIB));
    const before = carrierQueue();
    const ping = clientFrame(0x9, Buffer.alloc(125, 1));
    peer.write(Buffer.concat(Array.from({ length: 5_000 }, () => ping)));
    // A message behind the pings proves that all were read.
    peer.write(clientFrame(0x2, Buffer.from('\0done')));
    assert.equal((await firstChunk(connection)).toString(), 'done');
    assert.ok(carrierQueue() <= before + 2 * 131, `${carrierQueue()} bytes queued`);
    connection.destroy();
  });

  it('is dropped when it neither reads nor sends for the write timeout; neighbours do not notice', async (t) => {
    const clock = new VirtualClock();
    const { port, accepted } = await channelServer(t, { clock });
    const neighbours = await pair(t);
    const peer = await rawClient(t, port);
    peer.pause();
    const connection = await accepted;
    connection.channel(1).write(Buffer.alloc(32 * MIB));
    neighbours.server.channel(1).end(Buffer.alloc(MIB));
    void neighbours.server.close();
    assert.equal((await readAll(neighbours.client.channel(1))).length, MIB);
    let over = false;
    void connection.closed.then(() => (over = true));
    clock.advance(9_000);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(over, false);
    clock.advance(10_000);
    assert.equal((await connection.closed).kind, 'lost');
  });

  it('cannot hold up close() for ever', async (t) => {
    const clock = new VirtualClock();
    const { url, accepted } = await channelServer(t, { clock });
    const client = await dialChannels({ url }, { ...CLIENT, heartbeat: false, limits: { streamBufferBytes: 1000 } });
    t.after(() => client.destroy());
    const server = await accepted;
    server.channel(1).write(Buffer.alloc(32 * MIB));
    const closing = server.close();
    let over = false;
    void closing.then(() => (over = true));
    await until(() => {
      clock.advance(10_000);
      return over;
    });
    assert.equal((await server.closed).kind, 'closed');
  });

  it('cannot hold up close() by talking, even without write and idle timeouts', async (t) => {
    const clock = new VirtualClock();
    const { port, accepted } = await channelServer(t, { clock, idleTimeout: 0, limits: { writeTimeout: 0 } });
    const peer = await rawClient(t, port);
    peer.pause();
    const server = await accepted;
    server.channel(1).write(Buffer.alloc(32 * MIB));
    let over = false;
    void server.close().then(() => (over = true));
    for (let turn = 0; turn < 2_000; turn++) {
      if (over) break;
      peer.write(clientFrame(0x2, Buffer.from('\0still here')));
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1_000);
    }
    assert.ok(over, 'close() did not settle');
  });
});

/** Whether there will be room again; no, once the socket stays full. */
async function drained(stream: Writable): Promise<boolean> {
  for (let turn = 0; turn < 200 && stream.writableNeedDrain; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  return !stream.writableNeedDrain;
}

async function firstChunk(connection: ChannelConnection): Promise<Buffer> {
  for await (const chunk of connection.channel(0)) return chunk as Buffer;
  throw new Error('nothing came');
}
