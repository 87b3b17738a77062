// Our client connection against moby/spdystream as server, straight over TCP.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { pipeline } from 'node:stream/promises';
import { ConnectionLostError, StreamResetError, TimeoutError } from '../../src/errors/index.js';
import type { Connection, Stream } from '../../src/httpstream/index.js';
import { newSpdyClientConnection, type SpdyClientOptions } from '../../src/spdy/index.js';
import { startGoServer, type GoServer } from './support/go-programs.js';
import { liveHeapBytes } from './support/memory.js';
import { readOnly, serveOps, textOf } from './support/ops.js';
import { digestOf, patternChunks, patternSha256 } from './support/pattern.js';

interface ServerLine {
  readonly event?: string;
  readonly bytes?: number;
  readonly sha256?: string;
  readonly accepted?: number;
}

const MiB = 1024 * 1024;

for (const compressionLevel of [0, 6]) {
  describe(`our client, spdystream server, header compression ${compressionLevel}`, () => {
    let server: GoServer<ServerLine>;
    before(async () => {
      server = await startGoServer<ServerLine>('spdypeer', ['server']);
    });
    after(() => server.stop());

    const dial = async (options: SpdyClientOptions = {}): Promise<{ connection: Connection; socket: Socket }> => {
      const [host, port] = server.address.split(':');
      const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
      await once(socket, 'connect');
      const connection: Connection = newSpdyClientConnection(socket, {
        compressionLevel,
        pingPeriod: 200,
        newStreamHandler: serveOps({ connection: () => connection, cut: () => {} }),
        ...options,
      });
      return { connection, socket };
    };
    const roundTrip = async (connection: Connection, text: string): Promise<Stream> => {
      const stream = await connection.createStream({ op: 'echo' });
      stream.end(text);
      assert.equal(await textOf(stream), text);
      return stream;
    };
    const closeCleanly = async (connection: Connection): Promise<void> => {
      await connection.close();
      const reason = await connection.closed;
      assert.deepEqual({ kind: reason.kind, left: connection.streams.size }, { kind: 'closed', left: 0 });
    };

    test('echo on 50 streams at once', async () => {
      const { connection } = await dial();
      await Promise.all(Array.from({ length: 50 }, (_, i) => roundTrip(connection, `stream ${i} says hello`)));
      await closeCleanly(connection);
    });

    test('openStream: writes wait for the reply', async () => {
      const { connection } = await dial();
      const stream = connection.openStream({ op: 'echo' });
      stream.end('written before the reply');
      assert.equal(await textOf(stream), 'written before the reply');
      await closeCleanly(connection);
    });

    test('headers arrive as sent: repeated names, empty and non-ASCII values, 100 names', async () => {
      const { connection } = await dial();
      const many = Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`x-header-${i}`, String(i).repeat(10)]));
      for (const extra of [{ 'x-many': ['one', 'two'], 'x-empty': '', 'x-text': 'Grüße' }, many]) {
        const stream = await connection.createStream({ op: 'headers', ...extra });
        stream.end();
        const seen = JSON.parse(await textOf(stream)) as Record<string, string[]>;
        const lowered = Object.fromEntries(Object.entries(seen).map(([name, values]) => [name.toLowerCase(), values]));
        const sent = Object.entries({ op: 'headers', ...extra }).map(([name, value]) => [name, [value].flat()]);
        assert.deepEqual(lowered, Object.fromEntries(sent));
      }
      await closeCleanly(connection);
    });

    test('64 MiB each way, digests equal', async () => {
      const { connection } = await dial();
      const bytes = 64 * MiB;
      const up = await connection.createStream({ op: 'digest' });
      const answer = textOf(readOnly(up));
      await pipeline(patternChunks(bytes), up, { end: true });
      assert.deepEqual(JSON.parse(await answer), { bytes, sha256: patternSha256(bytes), err: '' });
      const down = await connection.createStream({ op: 'pattern', bytes: String(bytes) });
      down.end();
      assert.deepEqual(await digestOf(down), { bytes, sha256: patternSha256(bytes) });
      await closeCleanly(connection);
    });

    test('data frames of 16 MiB - 1, the largest there are', async () => {
      const { connection } = await dial();
      const frame = 16 * MiB - 1;
      const stream = await connection.createStream({ op: 'pattern', bytes: String(2 * frame), frame: String(frame) });
      stream.end();
      assert.deepEqual(await digestOf(stream), { bytes: 2 * frame, sha256: patternSha256(2 * frame) });
      await closeCleanly(connection);
    });

    test('20 streams of 2 MiB each way at once', async () => {
      const { connection } = await dial();
      const bytes = 2 * MiB;
      const sha256 = patternSha256(bytes);
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const down = connection.openStream({ op: 'pattern', bytes: String(bytes), frame: '1000' });
          down.end();
          // Read from the start: by the default policy, what nobody reads pauses the whole connection.
          const received = digestOf(down);
          const up = connection.openStream({ op: 'digest' });
          const answer = textOf(readOnly(up));
          await pipeline(patternChunks(bytes), up);
          assert.deepEqual(await received, { bytes, sha256 });
          assert.deepEqual(JSON.parse(await answer), { bytes, sha256, err: '' });
        }),
      );
      await closeCleanly(connection);
    });

    test('the server half-closes first; our data still arrives', async () => {
      const { connection } = await dial();
      const stream = await connection.createStream({ op: 'half-close' });
      assert.equal(await textOf(readOnly(stream)), '');
      await pipeline(patternChunks(3_000_000), stream);
      const line = await server.running.line((one) => one.event === 'half-close');
      assert.deepEqual([line.bytes, line.sha256], [3_000_000, patternSha256(3_000_000)]);
      await closeCleanly(connection);
    });

    test('a reply with FIN ends the reading side', async () => {
      const { connection } = await dial();
      const stream = await connection.createStream({ op: 'fin-reply' });
      assert.equal(await textOf(readOnly(stream)), '');
      stream.end();
      await closeCleanly(connection);
    });

    test('refusals carry their reason, and the connection lives on', async () => {
      const { connection } = await dial();
      const refused = connection.createStream({ op: 'refuse' });
      await assert.rejects(refused, (error) => error instanceof StreamResetError && error.reason === 'refused');
      const cancelled = connection.createStream({ op: 'cancel' });
      await assert.rejects(cancelled, (error) => error instanceof StreamResetError && error.reason === 'cancel');
      await roundTrip(connection, 'after the refusals');
      await closeCleanly(connection);
    });

    test('a stream that is never answered times out, and the connection lives on', async () => {
      const { connection } = await dial({ limits: { createTimeout: 200, closeTimeout: 200 } });
      await assert.rejects(connection.createStream({ op: 'silent' }), TimeoutError);
      await roundTrip(connection, 'after the timeout');
      await closeCleanly(connection);
    });

    test('a reset by the server is an error, not an end', async () => {
      const { connection } = await dial();
      const stream = await connection.createStream({ op: 'reset-after', bytes: '5' });
      stream.write('12345');
      await assert.rejects(
        textOf(stream),
        (error) => error instanceof StreamResetError && error.initiator === 'remote',
      );
      await roundTrip(connection, 'after the reset');
      await closeCleanly(connection);
    });

    test('our reset ends the stream at the server, and the connection lives on', async () => {
      const { connection } = await dial();
      for (let i = 0; i < 20; i++) {
        const stream = await connection.createStream({ op: 'echo' });
        stream.write(Buffer.alloc(1000));
        await once(stream, 'readable');
        stream.reset();
      }
      await roundTrip(connection, 'after the resets');
      await closeCleanly(connection);
    });

    test('the server opens a stream to us', async () => {
      const { connection } = await dial();
      const stream = await connection.createStream({ op: 'call-back' });
      stream.end();
      const sent = 'called back';
      assert.deepEqual(JSON.parse(await textOf(stream)), { sent, received: sent, streamId: 2, err: '' });
      await closeCleanly(connection);
    });

    test('pings both ways', async () => {
      const { connection } = await dial();
      for (let i = 0; i < 20; i++) assert.ok((await connection.ping()) >= 0);
      const stream = await connection.createStream({ op: 'ping' });
      stream.end();
      assert.equal(await textOf(stream), 'pong');
      await closeCleanly(connection);
    });

    test('the server says goodbye: no more streams, but what is open goes on to its end', async () => {
      const { connection } = await dial();
      const open = await connection.createStream({ op: 'digest' });
      const answer = textOf(readOnly(open));
      const farewell = await connection.createStream({ op: 'go-away' });
      farewell.end();
      assert.equal(await textOf(farewell), '');
      await connection.ping();
      await assert.rejects(connection.createStream({ op: 'echo' }), ConnectionLostError);
      await pipeline(patternChunks(3_000_000), open);
      assert.deepEqual(JSON.parse(await answer), { bytes: 3_000_000, sha256: patternSha256(3_000_000), err: '' });
      const reason = await connection.closed;
      assert.deepEqual({ kind: reason.kind, initiator: reason.initiator }, { kind: 'going-away', initiator: 'remote' });
    });

    test('the server drops the socket: every open stream errors', async () => {
      const { connection } = await dial();
      const open = await Promise.all(Array.from({ length: 5 }, () => connection.createStream({ op: 'digest' })));
      const lost = open.map((stream) => assert.rejects(textOf(stream), ConnectionLostError));
      await connection.createStream({ op: 'cut' });
      const reason = await connection.closed;
      assert.ok(reason.kind === 'ended' || reason.kind === 'lost', reason.kind);
      await Promise.all(lost);
    });

    test(
      '20,000 streams opened and closed on one connection leave no memory behind; ids are right past removeStreams',
      { timeout: 60_000 },
      async () => {
        const { connection } = await dial();
        let highest = 0;
        const openAndClose = async (): Promise<number> => {
          for (let round = 0; round < 10_000 / 50; round++) {
            const streams = await Promise.all(
              Array.from({ length: 50 }, (_, i) => roundTrip(connection, `${round}.${i}`)),
            );
            for (const stream of streams) highest = Math.max(highest, stream.id);
            connection.removeStreams(...streams, undefined);
          }
          return liveHeapBytes();
        };
        const first = await openAndClose();
        assert.equal(highest, 19_999);
        const grown = (await openAndClose()) - first;
        assert.equal(highest, 39_999);
        assert.ok(grown < 1 * MiB, `the heap grew by ${grown} bytes over 10,000 streams`);
        assert.equal((await roundTrip(connection, 'one more')).id, 40_001);
        await closeCleanly(connection);
      },
    );
  });
}
