// hashicorp/yamux as client against our server, plain yamux straight over TCP. Scenarios named Test… repeat the library's
// own tests of that name, as far as they show on the wire; those of its API alone (TestNonNilInterface, TestReadDeadline,
// TestWriteDeadline, TestCancelAccept, TestSession_sendNoWait_Timeout) have no counterpart here.
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { CloseReason, Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import { newYamuxServerConnection, type YamuxConnectionOptions } from '../../src/yamux/index.js';
import { buildGoPrograms, runGoOnce, startGo } from './support/go-programs.js';
import { liveHeapBytes } from './support/memory.js';
import { patternSha256 } from './support/pattern.js';
import { ask, serveLines, type Transfer } from './support/stream-lines.js';

interface ScenarioResult {
  readonly ok: boolean;
  readonly err: string;
  readonly done: number;
  readonly left: number;
  readonly detail: unknown;
  readonly event?: string;
}

const MiB = 1024 * 1024;

describe('hashicorp/yamux client, our server', () => {
  const connections: Connection[] = [];
  let received: Transfer[] = [];
  let handler: NewStreamHandler | undefined;
  let options: YamuxConnectionOptions = {};
  let server: Server;
  let address = '';

  before(async () => {
    buildGoPrograms();
    server = createServer({ noDelay: true }, (socket) => {
      const serve = serveLines({ connection: () => connection, received: (sum) => received.push(sum) });
      const connection: Connection = newYamuxServerConnection(socket, handler ?? serve, {
        headers: false,
        pingPeriod: 200,
        ...options,
      });
      connections.push(connection);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  const run = async (
    scenario: string,
    ...args: string[]
  ): Promise<{ result: ScenarioResult; reason: CloseReason; connection: Connection }> => {
    received = [];
    const result = await runGoOnce<ScenarioResult>('yamuxpeer', [
      'client',
      '-addr',
      address,
      '-scenario',
      scenario,
      ...args,
    ]);
    const connection = connections.at(-1);
    assert.ok(connection);
    const reason = await connection.closed;
    assert.equal(connection.streams.size, 0, 'no stream outlives its connection');
    return { result, reason, connection };
  };
  /** What has arrived may be delivered after the connection has ended. */
  const untilReceived = async (): Promise<void> => {
    while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  /** The scenario succeeds, all its streams are gone at the peer too, and the connection ends as the library ends it. */
  const passes = (scenario: string, ...args: string[]): void => {
    test([scenario, ...args].join(' '), async () => {
      const { result, reason } = await run(scenario, ...args);
      assert.deepEqual({ ok: result.ok, err: result.err, left: result.left }, { ok: true, err: '', left: 0 });
      assert.ok(reason.kind === 'ended' || reason.kind === 'lost', `${reason.kind}: ${reason.error}`);
    });
  };

  passes('echo', '-streams', '50');
  passes('call-back', '-streams', '50');
  passes('duplex', '-streams', '20', '-bytes', String(32 * MiB), '-frame', '1000');
  passes('duplex', '-streams', '4', '-bytes', String(32 * MiB), '-frame', String(4 * MiB));
  passes('duplex', '-streams', '4', '-bytes', String(32 * MiB), '-window', String(16 * MiB));
  passes('TestPing', '-count', '100');
  passes('TestCloseBeforeAck', '-backlog', '8', '-count', '8');
  passes('TestAccept');
  passes('TestClose_closeTimeout', '-close-timeout', '100ms');
  passes('TestSendData_Small', '-count', '1000');
  passes('TestSendData_Large', '-bytes', String(250 * MiB));
  passes('TestManyStreams', '-streams', '50', '-count', '1000');
  passes('TestManyStreams_PingPong', '-streams', '50', '-count', '200');
  passes('TestBacklogExceeded_Accept', '-backlog', '40', '-count', '200');
  passes('TestKeepAlive', '-keepalive', '-keepalive-interval', '20ms', '-write-timeout', '2s', '-wait', '500ms');
  passes('TestLargeWindow', '-window', String(4 * MiB), '-bytes', String(4 * MiB));

  test('TestGoAway: our streams are refused, those of the client go on', async () => {
    const { result } = await run('TestGoAway');
    // Its handler here failed, because it could open none.
    assert.deepEqual([result.err, result.detail], ['', 'connection reset']);
  });

  test('TestHalfClose: data still comes after our end', { timeout: 30_000 }, async () => {
    const { result } = await run('TestHalfClose', '-bytes', '3000000');
    assert.equal(result.err, '');
    await untilReceived();
    assert.deepEqual(received, [{ bytes: 3_000_000, sha256: patternSha256(3_000_000) }]);
  });

  test(
    'TestHalfCloseSessionShutdown: a full window, an end and the end of the session at once lose nothing',
    { timeout: 30_000 },
    async () => {
      const bytes = 256 * 1024 - 'half-close\n'.length;
      const { result, reason } = await run('TestHalfCloseSessionShutdown', '-bytes', String(bytes));
      assert.equal(result.err, '');
      assert.ok(reason.kind === 'ended' || reason.kind === 'lost', reason.kind);
      await untilReceived();
      assert.deepEqual(received, [{ bytes, sha256: patternSha256(bytes) }]);
    },
  );

  test('TestOpenStreamTimeout: the library gives up a session that leaves a stream unanswered', async () => {
    handler = (stream) => stream.deferReply();
    try {
      const { result, reason } = await run('TestOpenStreamTimeout', '-open-timeout', '200ms');
      assert.equal(result.err, '');
      assert.ok(reason.kind === 'ended' || reason.kind === 'lost', reason.kind);
    } finally {
      handler = undefined;
    }
  });

  test('TestBacklogExceeded: the client waits for our answers, and hears of our goodbye', async () => {
    handler = (stream) => stream.deferReply();
    try {
      const args = ['client', '-addr', address, '-scenario', 'TestBacklogExceeded', '-backlog', '64', '-count', '64'];
      const running = startGo<ScenarioResult>('yamuxpeer', args);
      await running.line(({ event }) => event === 'blocked');
      const connection = connections.at(-1);
      assert.equal(connection?.streams.size, 64);
      await connection.close();
      const { lines } = await running.finished;
      assert.equal(lines.at(-1)?.err, '');
      assert.equal((await connection.closed).kind, 'closed');
    } finally {
      handler = undefined;
    }
  });

  test('streams that we refuse: the client sees a reset, and the connection lives on', async () => {
    let count = 0;
    const lines = serveLines({ connection: () => connections.at(-1) as Connection });
    handler = (stream, replySent) => (count++ === 0 ? stream.refuse() : lines(stream, replySent));
    try {
      const { result } = await run('TestSendData_Small');
      assert.match(result.err, /connection reset|EOF/);
    } finally {
      handler = undefined;
    }
  });

  test('TestSession_PartialReadWindowUpdate: a peer that does not read grants a bounded window, and more once it does', async () => {
    const { result } = await run('TestSession_PartialReadWindowUpdate', '-bytes', String(64 * MiB));
    assert.equal(result.err, '');
    // The first window and what this side is ready to hold of one stream, without the line.
    assert.ok(Number(result.detail) >= 256 * 1024 - 20 && Number(result.detail) < 17 * MiB, String(result.detail));
  });

  test('leave: a client that drops the socket is not a goodbye', async () => {
    const { result, reason } = await run('leave', '-streams', '10');
    assert.equal(result.err, '');
    assert.ok(reason.kind === 'ended' || reason.kind === 'lost', reason.kind);
  });

  test('TestKeepAlive_Timeout: a stopped client is found by our pings', async () => {
    options = { pingPeriod: 100, pingTimeout: 400 };
    try {
      const args = ['client', '-addr', address, '-scenario', 'TestKeepAlive', '-wait', '30s'];
      const running = startGo<ScenarioResult>('yamuxpeer', args);
      const known = connections.length;
      while (connections.length === known) await new Promise((resolve) => setTimeout(resolve, 10));
      const connection = connections.at(-1);
      assert.ok(connection);
      assert.ok((await connection.ping()) >= 0);
      running.process.kill('SIGSTOP');
      const reason = await connection.closed;
      running.process.kill('SIGKILL');
      await running.finished;
      assert.equal(reason.kind, 'ping-timeout');
    } finally {
      options = {};
    }
  });

  test('20,000 streams opened and closed on one connection leave no memory behind', { timeout: 60_000 }, async () => {
    const heap = new Map<number, number>();
    let opened = 0;
    const lines = serveLines({ connection: () => connections.at(-1) as Connection });
    handler = (stream, replySent) => {
      opened++;
      if (opened === 10_000 || opened === 20_000) heap.set(opened, liveHeapBytes());
      return lines(stream, replySent);
    };
    try {
      const { result } = await run('openclose', '-count', '20000', '-streams', '32');
      assert.deepEqual({ err: result.err, done: result.done, opened }, { err: '', done: 20_000, opened: 20_000 });
      const grown = (heap.get(20_000) ?? Number.NaN) - (heap.get(10_000) ?? Number.NaN);
      assert.ok(grown < 1 * MiB, `the heap grew by ${grown} bytes over 10,000 streams`);
    } finally {
      handler = undefined;
    }
  });

  test('our streams to a client: refused ones reject, accepted ones carry data', async () => {
    const args = ['client', '-addr', address, '-scenario', 'TestKeepAlive', '-wait', '1s', '-close-timeout', '100ms'];
    const known = connections.length;
    const running = startGo<ScenarioResult>('yamuxpeer', args);
    while (connections.length === known) await new Promise((resolve) => setTimeout(resolve, 10));
    const connection = connections.at(-1) as Connection;
    assert.equal(await ask(connection, 'echo\nfrom the server'), 'from the server');
    assert.equal(await ask(connection, 'ping\n'), 'pong');
    const stream = await connection.createStream({});
    assert.equal(stream.id % 2, 0);
    stream.write('close\n');
    // The library forgets it after its close timeout, and says so by a reset.
    await assert.rejects(
      async () => {
        for await (const chunk of stream) assert.fail(`unexpected ${String(chunk)}`);
        await new Promise((_, reject) => stream.once('error', reject));
      },
      { code: 'ERR_STREAM_RESET', initiator: 'remote' },
    );
    const { lines } = await running.finished;
    assert.equal(lines.at(-1)?.err, '');
  });
});
