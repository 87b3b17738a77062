// Row 13: very many tiny frames, here below an engine.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { LimitExceededError } from '../../src/errors/index.js';
import type { Connection, Stream } from '../../src/httpstream/index.js';
import { WebSocketRoundTripper } from '../../src/websocket/index.js';
import { FrameFactory, ping } from '../support/frames.js';
import { engineServer, rawEngineClient } from './websocket-engine-support.js';
import { clientFrame } from './websocket-support.js';

const MILLION = 1_000_000;

/** Writes `count` copies of `frame`, in large pieces, until the peer hangs up. */
async function flood(socket: Socket, frame: Buffer, count: number): Promise<void> {
  const batch = 10_000;
  const piece = Buffer.concat(Array.from({ length: batch }, () => frame));
  for (let sent = 0; sent < count && !socket.destroyed && socket.writable; sent += batch) {
    if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve).once('close', resolve));
  }
}

async function echoes(connection: Connection): Promise<void> {
  const stream = await connection.createStream({});
  stream.end('still here');
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  assert.equal(Buffer.concat(chunks).toString(), 'still here');
}

describe('tiny frames below an engine', () => {
  for (const [name, first, frame, limit] of [
    [
      'a million empty fragments',
      clientFrame(0x2, Buffer.alloc(0), false),
      clientFrame(0, Buffer.alloc(0), false),
      'maxFragments',
    ],
    ['a million empty messages', Buffer.alloc(0), clientFrame(0x2, Buffer.alloc(0)), 'emptyFrameBurst'],
    ['a million pings', Buffer.alloc(0), clientFrame(0x9, Buffer.alloc(0)), 'emptyFrameBurst'],
    ['a million pongs', Buffer.alloc(0), clientFrame(0xa, Buffer.alloc(0)), 'emptyFrameBurst'],
  ] as const) {
    it(`${name} end the connection, and a neighbour goes on`, async (t) => {
      const server = await engineServer(t, { limits: { closeTimeout: 100 } });
      const { connection: neighbour } = await new WebSocketRoundTripper().dial({ url: server.url });
      await server.next();
      const peer = await rawEngineClient(t, server.port);
      const connection = await server.next();
      peer.resume();
      peer.write(first);
      const flooding = flood(peer, frame, MILLION);
      await echoes(neighbour);
      const reason = await connection.closed;
      const cause = reason.error?.cause;
      assert.ok(cause instanceof LimitExceededError, String(reason.error));
      assert.equal(cause.limit, limit);
      peer.destroy();
      await flooding;
      await neighbour.close();
    });
  }

  it('as many messages as the budget has pass, one more does not', async (t) => {
    const limits = { emptyFrameBurst: 100, emptyFramesPerSecond: 0 };
    for (const [count, passes] of [
      [100, true],
      [101, false],
    ] as const) {
      const server = await engineServer(t, { limits });
      const peer = await rawEngineClient(t, server.port);
      const connection = await server.next();
      const empty = Array.from({ length: count }, () => clientFrame(0x2, Buffer.alloc(0)));
      peer.write(Buffer.concat([...empty, clientFrame(0x2, ping(1))]));
      if (passes) {
        const [answer] = (await once(peer, 'data')) as [Buffer];
        assert.ok(answer.subarray(2).equals(ping(1)));
        void connection.close();
      } else {
        assert.ok((await connection.closed).error?.cause instanceof LimitExceededError);
      }
    }
  });

  it('single bytes for a stream that nobody reads cost little more than those bytes', async (t) => {
    let taken: (stream: Stream) => void = () => {};
    const opened = new Promise<Stream>((resolve) => (taken = resolve));
    const server = await engineServer(t, {}, (stream) => taken(stream));
    const peer = await rawEngineClient(t, server.port);
    const connection = await server.next();
    peer.resume();
    peer.write(clientFrame(0x2, new FrameFactory().synStream(1)));
    const stream = await opened;
    const before = process.memoryUsage();
    // A data frame of 16 MB that comes byte by byte, each in a message.
    peer.write(clientFrame(0x2, Buffer.of(0, 0, 0, 1, 0, 0xff, 0xff, 0xff)));
    const flooding = flood(peer, clientFrame(0x2, Buffer.of(65)), MILLION);
    while (stream.readableLength < 1000) await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 200; i++) await new Promise((resolve) => setImmediate(resolve));
    const after = process.memoryUsage();
    const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers;
    assert.ok(grown < 24 * 1024 * 1024, `${grown} bytes`);
    void connection.close();
    peer.destroy();
    await flooding;
  });
});
