// 1 GiB in each direction at once between hashicorp/yamux and our engine, in both roles, on 1 and on 100 streams, in writes
// of random sizes: digests on both ends, and the memory of ours.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { before, describe, test, type TestContext } from 'node:test';
import type { Connection } from '../../src/httpstream/index.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../../src/yamux/index.js';
import { buildGoPrograms, runGoOnce, startGoServer } from './support/go-programs.js';
import { residentBytes, watchMemory } from './support/memory.js';
import { patternSha256 } from './support/pattern.js';
import { duplex, serveLines, type Transfer } from './support/stream-lines.js';

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const WRITE = 64 * 1024;
/** Receive windows and what V8 has not collected yet. */
const LARGEST_GROWTH = 64 * MiB;

before(buildGoPrograms);

async function asServer(streams: number, total: number): Promise<Transfer[]> {
  const received: Transfer[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const connection: Connection = newYamuxServerConnection(
      socket,
      serveLines({ connection: () => connection, received: (sum) => received.push(sum) }),
      { headers: false },
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = [
    'client',
    '-addr',
    address,
    '-scenario',
    'duplex',
    '-streams',
    String(streams),
    '-bytes',
    String(total),
  ];
  const result = await runGoOnce<{ ok: boolean; err: string; done: number }>('yamuxpeer', args, { timeout: 170_000 });
  server.close();
  await once(server, 'close');
  // The other end checks each digest by itself.
  assert.deepEqual([result.err, result.done], ['', Math.floor(total / streams) * streams]);
  return received;
}

async function asClient(streams: number, total: number): Promise<Transfer[]> {
  const server = await startGoServer<{ event?: string; err?: string; sum?: Transfer }>('yamuxpeer', ['server']);
  const [host, port] = server.address.split(':');
  const socket = connect({ host: host ?? '', port: Number(port), noDelay: true });
  await once(socket, 'connect');
  const connection = newYamuxClientConnection(socket, { headers: false });
  const size = Math.floor(total / streams);
  const received = await Promise.all(
    Array.from({ length: streams }, async () => {
      const stream = connection.openStream({});
      stream.write(`duplex ${size} ${WRITE}\n`);
      return await duplex(stream, size, WRITE);
    }),
  );
  // The other end may have some of it still to read.
  const done = (): boolean => server.running.lines.filter(({ event }) => event === 'duplex').length === streams;
  await server.running.line(done);
  await connection.close();
  const { lines } = await server.stop();
  const theirs = lines.filter(({ event }) => event === 'duplex');
  assert.equal(theirs.length, streams);
  for (const { sum, err } of theirs) assert.deepEqual([sum, err], [{ bytes: size, sha256: patternSha256(size) }, '']);
  return received;
}

async function measured(t: TestContext, run: typeof asServer, streams: number): Promise<void> {
  await run(streams, 64 * MiB);
  const start = residentBytes(process.pid);
  const memory = watchMemory(process.pid);
  const began = performance.now();
  const received = await run(streams, GiB);
  const seconds = (performance.now() - began) / 1000;
  memory.stop();
  const bytes = Math.floor(GiB / streams);
  const expected = { bytes, sha256: patternSha256(bytes) };
  assert.deepEqual(
    received,
    Array.from({ length: streams }, () => expected),
  );
  const grown = memory.peak() - start;
  t.diagnostic(
    `${(2048 / seconds).toFixed(0)} MiB/s in both directions together; grew by ${(grown / MiB).toFixed(1)} MiB`,
  );
  assert.ok(grown < LARGEST_GROWTH, `grew by ${(grown / MiB).toFixed(1)} MiB`);
}

for (const streams of [1, 100]) {
  describe(`1 GiB each way on ${streams} stream${streams > 1 ? 's' : ''}`, { timeout: 180_000 }, () => {
    test('hashicorp/yamux client, our server', async (t) => {
      await measured(t, asServer, streams);
    });
    test('our client, hashicorp/yamux server', async (t) => {
      await measured(t, asClient, streams);
    });
  });
}
