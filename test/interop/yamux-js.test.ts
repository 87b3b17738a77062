// yamux-js 0.2.0 as a peer in both roles. It loses what does not come as one whole frame per write, so it gets that; and it
// takes no notice of FIN, so ends are agreed on by count. What it gets wrong is kept as tests of our own engine in
// test/conformance/yamux-regressions.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Client, Server, type Config } from 'yamux-js';
import type { Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import { digestOf, patternChunks, patternSha256 } from './support/pattern.js';
import { readExactly } from './support/stream-lines.js';

const QUIET: Config = { enableKeepAlive: false, logger: () => {} };
const MiB = 1024 * 1024;

/** Gives a session of yamux-js its input as one whole frame per write, and sends its output. */
function attach(session: Client | Server, socket: Socket): void {
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 12) {
      const end = 12 + (bytes[1] === 0 ? bytes.readUInt32BE(8) : 0);
      if (bytes.length < end) break;
      session.write(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
  });
  session.on('data', (chunk: Buffer) => void socket.write(chunk));
  session.on('error', () => socket.destroy());
  socket.on('error', () => {});
}

async function sockets(): Promise<[ours: Socket, theirs: Socket, stop: () => Promise<void>]> {
  const listener = createServer();
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  assert.ok(address !== null && typeof address === 'object');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const theirs = connect(address.port, '127.0.0.1');
  const [ours] = await accepted;
  return [
    ours,
    theirs,
    async () => {
      theirs.destroy();
      listener.close();
      await once(listener, 'close');
    },
  ];
}

async function theirClient(
  handler: NewStreamHandler,
  run: (session: Client, connection: Connection) => Promise<void>,
  config: Config = QUIET,
): Promise<void> {
  const [ours, theirs, stop] = await sockets();
  const session = new Client(config);
  attach(session, theirs);
  const connection = newYamuxServerConnection(ours, handler, { headers: false, pingPeriod: 0 });
  await run(session, connection);
  await connection.close();
  assert.equal(connection.streams.size, 0);
  await stop();
}

async function theirServer(
  onStream: (stream: Duplex) => void,
  run: (connection: Connection) => Promise<void>,
): Promise<void> {
  const [ours, theirs, stop] = await sockets();
  attach(new Server(onStream, QUIET), theirs);
  const connection = newYamuxClientConnection(ours, { headers: false, pingPeriod: 0 });
  await run(connection);
  await connection.close();
  assert.equal(connection.streams.size, 0);
  await stop();
}

const echo: NewStreamHandler = (stream) => void stream.pipe(stream);

/** Reads so many bytes of a stream of theirs, which never ends. */
async function take(stream: Duplex, bytes: number): Promise<{ bytes: number; sha256: string }> {
  async function* upTo(): AsyncGenerator<Uint8Array> {
    let seen = 0;
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      seen += (chunk as Buffer).length;
      yield chunk as Buffer;
      if (seen >= bytes) return;
    }
  }
  return await digestOf(upTo());
}

test('their client, our server: 20 streams of 1 MiB each way at once', async () => {
  await theirClient(echo, async (session) => {
    const sha256 = patternSha256(MiB);
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const stream = session.open();
        const received = take(stream, MiB);
        for (const chunk of patternChunks(MiB)) if (!stream.write(chunk)) await once(stream, 'drain');
        assert.deepEqual(await received, { bytes: MiB, sha256 });
        stream.close();
      }),
    );
  });
});

test('their close() is an end for our server', async () => {
  const sums: unknown[] = [];
  let done = (): void => {};
  const all = new Promise<void>((resolve) => (done = resolve));
  await theirClient(
    async (stream) => {
      sums.push(await digestOf(stream));
      done();
    },
    async (session) => {
      const stream = session.open();
      for (const chunk of patternChunks(100_000)) stream.write(chunk);
      await new Promise<void>((resolve) => void stream.write('', () => resolve()));
      stream.close();
      await all;
    },
  );
  assert.deepEqual(sums, [{ bytes: 100_000, sha256: patternSha256(100_000) }]);
});

test('their client stops at the window of a stream that we do not read, and all arrives once we do', async () => {
  let goOn = (): void => {};
  const wait = new Promise<void>((resolve) => (goOn = resolve));
  let unread = (): number => 0;
  await theirClient(
    async (stream) => {
      unread = () => stream.readableLength;
      await wait;
      stream.pipe(stream);
    },
    async (session, connection) => {
      const stream = session.open();
      const received = take(stream, 2 * MiB);
      for (const chunk of patternChunks(2 * MiB)) stream.write(chunk);
      await connection.ping();
      while (unread() < 200_000) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.ok(unread() <= 256 * 1024, `${unread()}`);
      goOn();
      assert.deepEqual(await received, { bytes: 2 * MiB, sha256: patternSha256(2 * MiB) });
    },
  );
});

test('our client, their server: 20 streams of 1 MiB each way at once', async () => {
  await theirServer(
    (stream) => {
      stream.on('error', () => {});
      stream.pipe(stream);
    },
    async (connection) => {
      const sha256 = patternSha256(MiB);
      await Promise.all(
        Array.from({ length: 20 }, async () => {
          const stream = connection.openStream({});
          const received = take(stream, MiB);
          for (const chunk of patternChunks(MiB)) if (!stream.write(chunk)) await once(stream, 'drain');
          assert.deepEqual(await received, { bytes: MiB, sha256 });
          await stream.accepted;
          stream.reset();
        }),
      );
    },
  );
});

test('a stream of ours whose first word they answer is accepted', async () => {
  await theirServer(
    (stream) => void stream.write('hello'),
    async (connection) => {
      const stream = await connection.createStream({});
      assert.equal((await readExactly(stream, 5)).toString(), 'hello');
      stream.reset();
    },
  );
});

test('pings are answered both ways', async () => {
  const keepalive = { enableKeepAlive: true, keepAliveInterval: 0.02, connectionWriteTimeout: 1, logger: () => {} };
  await theirClient(
    echo,
    async (session, connection) => {
      for (let i = 0; i < 20; i++) assert.ok((await connection.ping()) >= 0);
      // Their own pings end the session when they are not answered.
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.equal(session.isClosed(), false);
      session.close();
    },
    keepalive,
  );
});

test('their close() of the session is a goodbye for ours', async () => {
  const [ours, theirs, stop] = await sockets();
  const session = new Client(QUIET);
  attach(session, theirs);
  const connection = newYamuxServerConnection(ours, echo, { headers: false, pingPeriod: 0 });
  session.open();
  await connection.ping();
  session.close();
  theirs.end();
  const { kind, initiator } = await connection.closed;
  assert.ok(kind === 'going-away' || kind === 'ended', kind);
  assert.equal(initiator, 'remote');
  await stop();
});
