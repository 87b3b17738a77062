// Row 13: very many tiny frames.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { ChannelStream } from '../../src/carrier/websocket/channel-stream.js';
import { LimitExceededError } from '../../src/errors/index.js';
import { channelServer, pair, readAll, until } from '../conformance/channel-support.js';
import { clientFrame, rawClient } from './websocket-support.js';

const MILLION = 1_000_000;

/** Writes `count` copies of `frame`, in large pieces, until the peer hangs up. */
async function flood(socket: Socket, frame: Buffer, count: number): Promise<void> {
  const batch = 10_000;
  const piece = Buffer.concat(Array.from({ length: batch }, () => frame));
  for (let sent = 0; sent < count && !socket.destroyed && socket.writable; sent += batch) {
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
  }
}

describe('tiny frames', () => {
  for (const [name, first, frame, limit] of [
    [
      'a million empty fragments',
      clientFrame(0x2, Buffer.alloc(0), false),
      clientFrame(0, Buffer.alloc(0), false),
      'maxFragments',
    ],
    ['a million empty messages', Buffer.alloc(0), clientFrame(0x2, Buffer.alloc(0)), 'emptyFrameBurst'],
    ['a million messages for no channel', Buffer.alloc(0), clientFrame(0x2, Buffer.of(99, 1)), 'emptyFrameBurst'],
    ['a million pings', Buffer.alloc(0), clientFrame(0x9, Buffer.alloc(0)), 'emptyFrameBurst'],
  ] as const) {
    it(`${name} end the connection, and a neighbour goes on`, async (t) => {
      const { port, accepted } = await channelServer(t, { limits: { closeTimeout: 100 } });
      const neighbours = await pair(t);
      const peer = await rawClient(t, port);
      const connection = await accepted;
      peer.resume();
      peer.write(first);
      const flooding = flood(peer, frame, MILLION);
      neighbours.client.channel(0).end('still here');
      assert.equal((await readAll(neighbours.server.channel(0))).toString(), 'still here');
      const reason = await connection.closed;
      assert.equal(reason.kind, 'protocol-error');
      assert.ok(reason.error instanceof LimitExceededError);
      assert.equal(reason.error.limit, limit);
      peer.destroy();
      await flooding;
    });
  }

  it('a message at the fragment limit passes, one past it does not', async (t) => {
    for (const [fragments, passes] of [
      [1024, true],
      [1025, false],
    ] as const) {
      const { port, accepted } = await channelServer(t);
      const peer = await rawClient(t, port);
      const connection = await accepted;
      const middle = Array.from({ length: fragments - 2 }, () => clientFrame(0, Buffer.of(65), false));
      peer.write(Buffer.concat([clientFrame(2, Buffer.of(0), false), ...middle, clientFrame(0, Buffer.of(65), true)]));
      peer.resume();
      if (passes) {
        const [data] = (await once(connection.channel(0), 'data')) as [Buffer];
        assert.equal(data.length, fragments - 1);
        connection.destroy();
      } else {
        assert.equal((await connection.closed).kind, 'protocol-error');
      }
    }
  });

  it('a message at the size limit passes, one past it does not', async (t) => {
    const limits = { maxMessageBytes: 100 };
    for (const [size, passes] of [
      [100, true],
      [101, false],
    ] as const) {
      const { port, accepted } = await channelServer(t, { limits });
      const peer = await rawClient(t, port);
      const connection = await accepted;
      peer.resume();
      peer.write(clientFrame(2, Buffer.alloc(size)));
      if (passes) {
        assert.equal(((await once(connection.channel(0), 'data')) as [Buffer])[0].length, size - 1);
        connection.destroy();
      } else {
        const { error } = await connection.closed;
        assert.ok(error instanceof LimitExceededError && error.limit === 'maxMessageBytes');
      }
    }
  });

  it('single bytes for a channel that nobody reads cost little more than those bytes', async (t) => {
    const { port, accepted } = await channelServer(t);
    const peer = await rawClient(t, port);
    const connection = await accepted;
    const stdin = connection.channel(0);
    assert.ok(stdin instanceof ChannelStream);
    const before = process.memoryUsage();
    const flooding = flood(peer, clientFrame(2, Buffer.of(0, 65)), MILLION);
    await until(() => stdin.held >= 256 * 1024);
    const after = process.memoryUsage();
    // 256 Ki single bytes as one Buffer each would take some 30 MB.
    assert.ok(stdin.held < 512 * 1024);
    assert.ok(after.external + after.arrayBuffers - before.external - before.arrayBuffers < 24 * 1024 * 1024);
    connection.destroy();
    peer.destroy();
    await flooding;
  });
});
