// moby/spdystream as client against our server connection, straight over TCP.
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { after, before, describe, test } from 'node:test';
import type { CloseReason, Connection } from '../../src/httpstream/index.js';
import { newSpdyServerConnection, type SpdyConnectionOptions } from '../../src/spdy/index.js';
import { buildGoPrograms, runGoOnce } from './support/go-programs.js';
import { serveOps, type HalfCloseReport } from './support/ops.js';
import { liveHeapBytes } from './support/memory.js';
import { patternSha256 } from './support/pattern.js';

interface ScenarioResult {
  readonly ok: boolean;
  readonly err: string;
  readonly done: number;
  readonly lastStreamId: number;
}

const MiB = 1024 * 1024;

before(buildGoPrograms);

for (const compressionLevel of [0, 6]) {
  describe(`spdystream client, our server, header compression ${compressionLevel}`, () => {
    const options: SpdyConnectionOptions = { compressionLevel, pingPeriod: 200 };
    const connections: Connection[] = [];
    const halfCloses: HalfCloseReport[] = [];
    /** Told of each stream that comes. */
    let onStream = (_id: number): void => {};
    let server: Server;
    let address = '';

    before(async () => {
      server = createServer({ noDelay: true }, (socket) => {
        const serve = serveOps({
          connection: () => connection,
          cut: () => socket.resetAndDestroy(),
          onHalfClose: (report) => halfCloses.push(report),
        });
        const connection: Connection = newSpdyServerConnection(
          socket,
          (stream, replySent) => {
            onStream(stream.id);
            return serve(stream, replySent);
          },
          options,
        );
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
    ): Promise<{ result: ScenarioResult; reason: CloseReason }> => {
      const result = await runGoOnce<ScenarioResult>('spdypeer', [
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
      return { result, reason };
    };
    const passes = (scenario: string, ...args: string[]): void => {
      test([scenario, ...args].join(' '), async () => {
        const { result, reason } = await run(scenario, ...args);
        assert.deepEqual({ ok: result.ok, err: result.err }, { ok: true, err: '' });
        assert.equal(reason.kind, 'going-away');
      });
    };

    passes('echo', '-streams', '50');
    passes('headers', '-count', '200');
    passes('many-headers', '-count', '100');
    passes('header-frames', '-count', '16');
    passes('bulk-up', '-streams', '1', '-bytes', String(64 * MiB));
    passes('bulk-up', '-streams', '1', '-bytes', String(40 * MiB), '-frame', String(16 * MiB - 1));
    passes('bulk-up', '-streams', '20', '-bytes', String(2 * MiB), '-frame', '1000');
    passes('bulk-down', '-streams', '1', '-bytes', String(64 * MiB));
    passes('bulk-down', '-streams', '20', '-bytes', String(2 * MiB));
    passes('refuse', '-count', '5');
    passes('cancel', '-count', '5');
    passes('silent');
    passes('reset-after', '-bytes', '100000');
    passes('reset', '-count', '20', '-bytes', '100000');
    passes('call-back');
    passes('ping', '-count', '100');

    test('half-close: data still comes after our end', async () => {
      halfCloses.length = 0;
      const { result } = await run('half-close', '-bytes', '3000000');
      assert.equal(result.err, '');
      assert.deepEqual(halfCloses, [{ bytes: 3_000_000, sha256: patternSha256(3_000_000) }]);
    });

    test('go-away: the client sees our goodbye', async () => {
      const { result, reason } = await run('go-away');
      assert.equal(result.err, '');
      assert.equal(reason.kind, 'closed');
    });

    test('cut: the client sees the end', async () => {
      const { result } = await run('cut');
      assert.equal(result.err, '');
    });

    test('leave: a client that drops the socket is not a goodbye', async () => {
      const { result, reason } = await run('leave', '-streams', '10');
      assert.equal(result.err, '');
      assert.ok(reason.kind === 'ended' || reason.kind === 'lost', reason.kind);
    });

    test('20,000 streams opened and closed on one connection leave no memory behind', { timeout: 60_000 }, async () => {
      const heap = new Map<number, number>();
      onStream = (id) => {
        if (id === 19_999 || id === 39_999) heap.set(id, liveHeapBytes());
      };
      const { result } = await run('openclose', '-count', '20000', '-streams', '32');
      onStream = () => {};
      assert.deepEqual(
        { err: result.err, done: result.done, lastStreamId: result.lastStreamId },
        { err: '', done: 20_000, lastStreamId: 39_999 },
      );
      const grown = (heap.get(39_999) ?? Number.NaN) - (heap.get(19_999) ?? Number.NaN);
      assert.ok(grown < 1 * MiB, `the heap grew by ${grown} bytes over 10,000 streams`);
    });
  });
}
