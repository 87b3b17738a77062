// Our client against hashicorp/yamux as server, plain yamux straight over TCP. Tests named Test… repeat the library's own
// tests of that name from the other side of the wire.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { pipeline } from 'node:stream/promises';
import { ConnectionLostError, StreamResetError, TimeoutError } from '../../src/errors/index.js';
import type { Connection } from '../../src/httpstream/index.js';
import { newYamuxClientConnection, type YamuxClientOptions } from '../../src/yamux/index.js';
import { startGoServer, type GoServer } from './support/go-programs.js';
import { liveHeapBytes } from './support/memory.js';
import { readOnly, textOf } from './support/ops.js';
import { digestOf, patternChunks, patternSha256 } from './support/pattern.js';
import { ask, duplex, serveLines, type Transfer } from './support/stream-lines.js';

interface ServerLine {
  readonly event?: string;
  readonly id?: number;
  readonly sum?: Transfer;
  readonly err?: string;
}

const MiB = 1024 * 1024;

async function dial(server: GoServer<ServerLine>, options: YamuxClientOptions = {}): Promise<Connection> {
  const [host, port] = server.address.split(':');
  const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const connection: Connection = newYamuxClientConnection(socket, {
    headers: false,
    pingPeriod: 200,
    newStreamHandler: serveLines({ connection: () => connection }),
    ...options,
  });
  return connection;
}

/** The server has forgotten every stream but the one that asks, and so have we; then the connection closes cleanly. */
async function closeCleanly(connection: Connection): Promise<void> {
  for (let left = ''; left !== '1';) left = await ask(connection, 'streams\n');
  await connection.close();
  const reason = await connection.closed;
  assert.deepEqual({ kind: reason.kind, left: connection.streams.size }, { kind: 'closed', left: 0 });
}

describe('our client, hashicorp/yamux server', () => {
  let server: GoServer<ServerLine>;
  before(async () => {
    server = await startGoServer<ServerLine>('yamuxpeer', ['server']);
  });
  after(async () => {
    const { stderr } = await server.stop();
    // What the library takes for an error of ours.
    assert.doesNotMatch(stderr, /window exceeded|unexpected|Invalid|duplicate|protocol error/i);
  });

  test('TestPing, both ways', async () => {
    const connection = await dial(server);
    for (let i = 0; i < 50; i++) assert.ok((await connection.ping()) >= 0);
    assert.equal(await ask(connection, 'ping\n'), 'pong');
    await closeCleanly(connection);
  });

  test('TestAccept: both ends open the first stream of their parity at once', async () => {
    const ids: number[] = [];
    const connection = await dial(server, {
      newStreamHandler: (stream) => {
        ids.push(stream.id);
        stream.pipe(stream);
      },
    });
    const stream = connection.openStream({});
    assert.equal(stream.id, 1);
    stream.end('call-back yours\n');
    assert.equal(await textOf(stream), 'echo\nyours');
    assert.deepEqual(ids, [2]);
    await closeCleanly(connection);
  });

  test('TestCloseBeforeAck: streams that are ended before they were acknowledged', async () => {
    const connection = await dial(server);
    await Promise.all(
      Array.from({ length: 60 }, async () => {
        const stream = connection.openStream({});
        stream.end();
        assert.equal(await textOf(stream), '');
      }),
    );
    await closeCleanly(connection);
  });

  test('createStream 1,000 times at once: no more of them are unanswered than the backlog of the server has room for', async () => {
    const connection = await dial(server);
    const answers = await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const stream = await connection.createStream({});
        stream.end(`echo\nstream ${i}`);
        return await textOf(stream);
      }),
    );
    assert.deepEqual(
      answers,
      Array.from({ length: 1000 }, (_, i) => `stream ${i}`),
    );
    await closeCleanly(connection);
  });

  test('TestSendData_Small: 1,000 writes of four bytes', async () => {
    const connection = await dial(server);
    const stream = await connection.createStream({});
    stream.write('digest\n');
    for (let i = 0; i < 1000; i++) stream.write('test');
    stream.end();
    assert.match(await textOf(stream), /^\{"bytes":4000,/);
    await closeCleanly(connection);
  });

  test('TestSendData_Large: 250 MiB one way', async () => {
    const connection = await dial(server);
    const bytes = 250 * MiB;
    const stream = await connection.createStream({});
    stream.write('digest\n');
    const answer = textOf(readOnly(stream));
    await pipeline(patternChunks(bytes), stream, { end: true });
    assert.deepEqual(JSON.parse(await answer), { bytes, sha256: patternSha256(bytes) });
    await closeCleanly(connection);
  });

  test('one write of 16 MiB, and one answer', async () => {
    const connection = await dial(server);
    const stream = await connection.createStream({});
    stream.end(Buffer.concat([Buffer.from('echo\n'), Buffer.alloc(16 * MiB, 7)]));
    const { bytes } = await digestOf(stream);
    assert.equal(bytes, 16 * MiB);
    await closeCleanly(connection);
  });

  test('TestManyStreams_PingPong: 50 streams, 200 rounds', async () => {
    const connection = await dial(server);
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const stream = await connection.createStream({});
        stream.write('echo\n');
        for (let i = 0; i < 200; i++) {
          stream.write('ping');
          let text = '';
          while (text.length < 4) {
            const chunk = stream.read() as Buffer | null;
            if (chunk === null) await once(stream, 'readable');
            else text += chunk.toString();
          }
          assert.equal(text, 'ping');
        }
        stream.end();
        assert.equal(await textOf(stream), '');
      }),
    );
    await closeCleanly(connection);
  });

  test('TestHalfClose: the server ends first; our data still arrives', async () => {
    const connection = await dial(server);
    const stream = await connection.createStream({});
    stream.write('half-close\n');
    assert.equal(await textOf(readOnly(stream)), '');
    await pipeline(patternChunks(3_000_000), stream);
    const line = await server.running.line((one) => one.event === 'half-close' && one.sum?.bytes === 3_000_000);
    assert.equal(line.sum?.sha256, patternSha256(3_000_000));
    await closeCleanly(connection);
  });

  test('TestHalfCloseSessionShutdown: what was ended before close() arrives whole', async () => {
    const connection = await dial(server);
    const bytes = 256 * 1024 - 'half-close\n'.length;
    const stream = await connection.createStream({});
    stream.write('half-close\n');
    await pipeline(patternChunks(bytes), stream);
    await connection.ping();
    await connection.close();
    const line = await server.running.line((one) => one.event === 'half-close' && one.sum?.bytes === bytes);
    assert.equal(line.sum?.sha256, patternSha256(bytes));
  });

  test('our reset ends the stream at the server, and the connection lives on', async () => {
    const connection = await dial(server);
    for (let i = 0; i < 20; i++) {
      const stream = await connection.createStream({});
      stream.write(Buffer.concat([Buffer.from('echo\n'), Buffer.alloc(100_000)]));
      await once(stream, 'readable');
      stream.reset();
    }
    assert.equal(await ask(connection, 'echo\nafter the resets'), 'after the resets');
    await closeCleanly(connection);
  });

  test('TestGoAway: no more streams, but what is open goes on to its end', async () => {
    const connection = await dial(server);
    const open = await connection.createStream({});
    open.write('digest\n');
    const answer = textOf(readOnly(open));
    assert.equal(await ask(connection, 'go-away\n'), 'gone');
    await assert.rejects(connection.createStream({}), ConnectionLostError);
    await pipeline(patternChunks(3_000_000), open);
    assert.deepEqual(JSON.parse(await answer), { bytes: 3_000_000, sha256: patternSha256(3_000_000) });
    const reason = await connection.closed;
    assert.deepEqual({ kind: reason.kind, initiator: reason.initiator }, { kind: 'going-away', initiator: 'remote' });
  });

  test('the server ends the session: open streams error', async () => {
    const connection = await dial(server);
    const open = await Promise.all(Array.from({ length: 5 }, () => connection.createStream({})));
    const lost = open.map((stream) => assert.rejects(textOf(stream), ConnectionLostError));
    connection.openStream({}).end('end\n');
    const { kind } = await connection.closed;
    assert.ok(kind === 'ended' || kind === 'lost' || kind === 'going-away', kind);
    await Promise.all(lost);
  });

  test('TestSession_PartialReadWindowUpdate: nobody reads here: the server stops at our window, and goes on', async () => {
    const connection = await dial(server);
    const stream = await connection.createStream({});
    const bytes = 40 * MiB;
    stream.end(`pattern ${bytes} 65536\n`);
    // Others go on beside it.
    for (let i = 0; i < 20; i++) assert.equal(await ask(connection, 'echo\nbeside'), 'beside');
    assert.ok(stream.readableLength <= 256 * 1024, `${stream.readableLength} bytes unread`);
    assert.deepEqual(await digestOf(stream), { bytes, sha256: patternSha256(bytes) });
    await closeCleanly(connection);
  });

  test('20 streams, 32 MiB each way at once, with pings beside', async () => {
    const connection = await dial(server);
    const bytes = Math.floor((32 * MiB) / 20);
    const sums = Promise.all(
      Array.from({ length: 20 }, async () => {
        const stream = connection.openStream({});
        stream.write(`duplex ${bytes} 3000\n`);
        return [stream.id, await duplex(stream, bytes, 3000)] as const;
      }),
    );
    for (let i = 0; i < 20; i++) await connection.ping();
    const sha256 = patternSha256(bytes);
    for (const [id, sum] of await sums) {
      assert.deepEqual(sum, { bytes, sha256 });
      await server.running.line((one) => one.event === 'duplex' && one.id === id && one.sum?.sha256 === sha256);
    }
    await closeCleanly(connection);
  });

  test('20,000 streams opened and closed on one connection leave no memory behind', { timeout: 60_000 }, async () => {
    const connection = await dial(server);
    let highest = 0;
    const openAndClose = async (): Promise<number> => {
      for (let round = 0; round < 10_000 / 50; round++) {
        await Promise.all(
          Array.from({ length: 50 }, async (_, i) => {
            const stream = await connection.createStream({});
            highest = Math.max(highest, stream.id);
            stream.end(`echo\n${round}.${i}`);
            assert.equal(await textOf(stream), `${round}.${i}`);
          }),
        );
      }
      return liveHeapBytes();
    };
    const first = await openAndClose();
    assert.equal(highest, 19_999);
    const grown = (await openAndClose()) - first;
    assert.equal(highest, 39_999);
    assert.ok(grown < 1 * MiB, `the heap grew by ${grown} bytes over 10,000 streams`);
    await closeCleanly(connection);
  });
});

describe('our client, hashicorp/yamux servers with other settings', () => {
  const withServer = async (
    args: readonly string[],
    run: (server: GoServer<ServerLine>) => Promise<void>,
  ): Promise<void> => {
    const server = await startGoServer<ServerLine>('yamuxpeer', ['server', ...args]);
    try {
      await run(server);
    } finally {
      await server.stop();
    }
  };

  test('TestClose_closeTimeout: the server resets what we leave open after its end', async () => {
    await withServer(['-close-timeout', '100ms'], async (server) => {
      const connection = await dial(server);
      const stream = await connection.createStream({});
      stream.write('close\n');
      await assert.rejects(
        async () => {
          assert.equal(await textOf(readOnly(stream)), '');
          await new Promise((_, reject) => stream.once('error', reject));
        },
        (error) => error instanceof StreamResetError && error.initiator === 'remote',
      );
      await closeCleanly(connection);
    });
  });

  test('TestBacklogExceeded: a server that accepts nothing', async () => {
    await withServer(['-accept=false', '-backlog', '16'], async (server) => {
      const connection = await dial(server, { limits: { createTimeout: 500, closeTimeout: 200 } });
      // What the backlog takes is never acknowledged, the rest is reset; both are told, and the connection lives.
      const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => connection.createStream({})));
      const errors = outcomes.map((one) => (one.status === 'rejected' ? (one.reason as unknown) : undefined));
      assert.ok(
        errors.every((error) => error instanceof TimeoutError || error instanceof StreamResetError),
        String(errors),
      );
      assert.ok(errors.some((error) => error instanceof TimeoutError));
      assert.ok(
        errors.some((error) => error instanceof StreamResetError && error.reason === 'refused'),
        String(errors),
      );
      assert.ok((await connection.ping()) >= 0);
      assert.equal(connection.streams.size, 0);
      await connection.close();
    });
  });

  test('TestKeepAlive: the pings of the server are answered', async () => {
    await withServer(['-keepalive', '-keepalive-interval', '20ms', '-write-timeout', '2s'], async (server) => {
      const connection = await dial(server, { pingPeriod: 0 });
      const stream = await connection.createStream({});
      stream.write('echo\n');
      await new Promise((resolve) => setTimeout(resolve, 400));
      stream.end('still here');
      assert.equal(await textOf(stream), 'still here');
      await connection.close();
    });
  });

  test('TestKeepAlive_Timeout: a stopped server is found by our pings', async () => {
    await withServer([], async (server) => {
      const connection = await dial(server, { pingPeriod: 100, pingTimeout: 400 });
      const stream = await connection.createStream({});
      server.running.process.kill('SIGSTOP');
      await assert.rejects(textOf(stream), ConnectionLostError);
      assert.equal((await connection.closed).kind, 'ping-timeout');
      server.running.process.kill('SIGCONT');
    });
  });

  test('TestSession_ConnectionWriteTimeout: a server that reads nothing any more', async () => {
    await withServer(['-window', String(64 * MiB)], async (server) => {
      const connection = await dial(server, { pingPeriod: 0, limits: { writeTimeout: 500, closeTimeout: 100 } });
      const stream = await connection.createStream({});
      stream.write('hold\n');
      await connection.ping();
      server.running.process.kill('SIGSTOP');
      for (let i = 0; i < 40; i++) stream.write(Buffer.alloc(1 * MiB));
      await assert.rejects(textOf(stream), ConnectionLostError);
      assert.equal((await connection.closed).kind, 'lost');
      server.running.process.kill('SIGCONT');
    });
  });

  test('TestLargeWindow: as much as the window of the server has room for is sent, though it reads nothing', async () => {
    await withServer(['-window', String(8 * MiB)], async (server) => {
      const connection = await dial(server);
      const stream = await connection.createStream({});
      stream.write('hold\n');
      await new Promise<void>((resolve, reject) => {
        stream.once('error', reject);
        stream.write(Buffer.alloc(8 * MiB - 'hold\n'.length), () => resolve());
      });
      let more = false;
      stream.write('x', () => (more = true));
      await connection.ping();
      assert.equal(more, false, 'sent past the window');
      stream.destroy();
      assert.equal(await ask(connection, 'echo\nbeside'), 'beside');
      await connection.close();
    });
  });

  test('the server drops the socket: every open stream errors', async () => {
    await withServer([], async (server) => {
      const connection = await dial(server);
      const open = await Promise.all(Array.from({ length: 5 }, () => connection.createStream({})));
      const lost = open.map((stream) => assert.rejects(textOf(stream), ConnectionLostError));
      connection.openStream({}).end('cut\n');
      const { kind } = await connection.closed;
      assert.ok(kind === 'ended' || kind === 'lost', kind);
      await Promise.all(lost);
    });
  });
});
