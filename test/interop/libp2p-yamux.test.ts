// js-libp2p's yamux as a peer in both roles, plain, straight over TCP. It acknowledges a stream with the first that it has
// to say on it, as yamux-js does: who waits for that before sending waits for ever, so streams are opened without waiting.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { before, test } from 'node:test';
import { yamux } from '@chainsafe/libp2p-yamux';
import { SocketMessageStream } from '../../bench/peer/libp2p-socket.js';
import type { Connection } from '../../src/httpstream/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import { digestOf, patternChunks, patternSha256 } from './support/pattern.js';
import { duplex } from './support/stream-lines.js';

type Muxer = ReturnType<ReturnType<ReturnType<typeof yamux>>['createStreamMuxer']>;
type MuxerStream = Awaited<ReturnType<Muxer['createStream']>>;

const MiB = 1024 * 1024;

before(() => {
  // It measures its round trip by what Node 20 lacks.
  if ('withResolvers' in Promise) return;
  const value = (): unknown => {
    const settle = {};
    const promise = new Promise((resolve, reject) => Object.assign(settle, { resolve, reject }));
    return { promise, ...settle };
  };
  Object.defineProperty(Promise, 'withResolvers', { value });
});

async function withPair(
  theirs: 'client' | 'server',
  run: (muxer: Muxer, connection: Connection) => Promise<void>,
): Promise<void> {
  const listener = createServer({ noDelay: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  assert.ok(address !== null && typeof address === 'object');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const socket = connect(address.port, '127.0.0.1');
  const [ours] = await accepted;
  const direction = theirs === 'client' ? 'outbound' : 'inbound';
  const muxer = yamux({ enableKeepAlive: false })().createStreamMuxer(new SocketMessageStream(socket, direction));
  const options = { headers: false, pingPeriod: 0 };
  const connection =
    theirs === 'client'
      ? newYamuxServerConnection(ours, (stream) => void stream.pipe(stream), options)
      : newYamuxClientConnection(ours, { ...options, newStreamHandler: (stream) => void stream.pipe(stream) });
  try {
    await run(muxer, connection);
    await connection.close();
    assert.equal(connection.streams.size, 0);
  } finally {
    socket.destroy();
    listener.close();
    await once(listener, 'close');
  }
}

/** What a stream of theirs gives, to its end. */
async function* bytesOf(stream: MuxerStream): AsyncGenerator<Uint8Array> {
  for await (const data of stream) yield data instanceof Uint8Array ? data : data.subarray();
}

async function exchange(stream: MuxerStream, bytes: number): Promise<void> {
  const received = digestOf(bytesOf(stream));
  for (const chunk of patternChunks(bytes)) if (!stream.send(chunk)) await stream.onDrain();
  await stream.close();
  assert.deepEqual(await received, { bytes, sha256: patternSha256(bytes) });
}

for (const role of ['client', 'server'] as const) {
  test(`their ${role} opens 20 streams of 1 MiB each way at once, and ends them`, async () => {
    await withPair(role, async (muxer, connection) => {
      await Promise.all(Array.from({ length: 20 }, async () => await exchange(await muxer.createStream(), MiB)));
      while (connection.streams.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    });
  });

  test(`their ${role} echoes 20 streams of ours, 1 MiB each, and sees their ends`, async () => {
    await withPair(role, async (muxer, connection) => {
      muxer.addEventListener('stream', ({ detail: stream }) => {
        void (async () => {
          for await (const chunk of bytesOf(stream)) if (!stream.send(chunk)) await stream.onDrain();
          await stream.close();
        })();
      });
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const stream = connection.openStream({});
          assert.deepEqual(await duplex(stream, MiB, 5000), { bytes: MiB, sha256: patternSha256(MiB) });
        }),
      );
    });
  });

  test(`pings with their ${role}, both ways`, async () => {
    await withPair(role, async (muxer, connection) => {
      assert.ok((await connection.ping()) >= 0);
      assert.ok('ping' in muxer && typeof muxer.ping === 'function');
      assert.ok(Number(await muxer.ping()) >= 0);
    });
  });

  test(`a reset by their ${role}, and one by us`, async () => {
    await withPair(role, async (muxer, connection) => {
      const opened = new Promise<MuxerStream>((resolve) =>
        muxer.addEventListener('stream', ({ detail }) => resolve(detail)),
      );
      const stream = connection.openStream({});
      stream.write('x');
      const theirs = await opened;
      theirs.abort(new Error('no more'));
      await assert.rejects(digestOf(stream), { code: 'ERR_STREAM_RESET', initiator: 'remote' });
      const mine = await muxer.createStream();
      mine.send(Buffer.from('y'));
      const gone = new Promise((resolve) => mine.addEventListener('close', resolve));
      while (connection.streams.size === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      for (const one of connection.streams.values()) one.reset();
      await gone;
      assert.equal(mine.status, 'reset');
    });
  });
}
