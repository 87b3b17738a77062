import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { linkDialer } from '../../src/mesh/carrier/dial.js';
import type { LinkTransport } from '../../src/mesh/link/transport.js';
import { systemClock } from '../../src/clock/clock.js';
import { Pods, until } from '../support/mesh-pods.js';
import { linkRequest, Raw } from './mesh-support.js';

const SECRET = 'what only pods know';
const OTHERS = 300;
const BYTES_EACH = 16 * 1024;

// Connects many times, sends the beginning of a head on each, and holds on.
const CROWD = `
const { connect } = require('node:net');
const [port, count] = process.argv.slice(1).map(Number);
let open = 0;
for (let i = 0; i < count; i++) {
  const socket = connect(port, '127.0.0.1', () => {
    socket.write('GET /mesh/v1/link HTTP/1.1\\r\\nHost: x\\r\\nX-Filler: ' + 'x'.repeat(7000), () => {
      if (++open === count) process.stdout.write('open');
    });
  });
  socket.on('error', () => {});
}
setInterval(() => {}, 1000);
`;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function used(): number {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('Row 29: what a stranger may cost', () => {
  it(
    'is 16 KiB for each who holds on to half a head, and for no longer than a head may take',
    { timeout: 60_000 },
    async () => {
      await using pods = new Pods();
      const { port } = await pods.add({ secret: SECRET });
      const before = used();
      const crowd = spawn(process.execPath, ['-e', CROWD, String(port), String(OTHERS)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        await once(crowd.stdout, 'data');
        // What they have written has been read when somebody who came later is answered.
        assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
        const each = (used() - before) / OTHERS;
        assert.ok(each <= BYTES_EACH, `${each} bytes each`);
        const raw = new Raw(port);
        raw.socket.write('GET /mesh/v1/link HTTP/1.1\r\nHost: x\r\n');
        assert.equal(await raw.status(), 408);
        await raw.closed();
      } finally {
        crowd.kill('SIGKILL');
        await once(crowd, 'close');
      }
    },
  );

  it('is no more than a head: not a longer one, nor what comes behind it', { timeout: 30_000 }, async () => {
    await using pods = new Pods();
    const mesh = await pods.add({ secret: SECRET });
    const long = new Raw(mesh.port);
    long.socket.write(linkRequest({ 'X-Filler': 'x'.repeat(9_000) }));
    assert.equal(await long.status(), 431);
    const pushy = new Raw(mesh.port);
    pushy.socket.write(linkRequest());
    pushy.socket.write(Buffer.alloc(4 * 1024 * 1024, 1));
    assert.equal(await pushy.status(), 401);
    pushy.socket.end();
    await pushy.closed();
    assert.equal(mesh.stats().bytesReceived, 0);
    assert.deepEqual(mesh.links, []);
  });

  it(
    'is a bounded number of links that are being opened, in bounded time; pods get through',
    { timeout: 60_000 },
    async () => {
      await using pods = new Pods();
      const mesh = await pods.add({
        times: { helloTimeout: 3_000, spread: 10, retry: 20, maxRetry: 100, aloneAfter: 50 },
      });
      const crowd: Raw[] = [];
      for (let refused = false; !refused;) {
        const some = Array.from({ length: 100 }, () => new Raw(mesh.port));
        for (const raw of some) raw.socket.write(linkRequest());
        crowd.push(...some);
        const statuses = await Promise.all(some.map(async (raw) => await raw.status()));
        assert.ok(statuses.every((status) => status === 101 || status === 503));
        refused = statuses.includes(503);
      }
      const upgraded = crowd.filter(({ text }) => text.startsWith('HTTP/1.1 101'));
      const open = upgraded.filter(({ socket }) => !socket.destroyed && !socket.readableEnded);
      assert.ok(open.length <= 256, `${open.length} at once`);
      const other = await pods.add();
      await until(() => other.links.length === 1);
      await Promise.all(crowd.map(async (raw) => await raw.closed()));
      assert.equal(mesh.links.length, 1);
      for (const raw of crowd) raw.socket.destroy();
    },
  );

  it('is nothing for one who opens a lane twice, or one that there is not', { timeout: 30_000 }, async () => {
    await using pods = new Pods();
    const mesh = await pods.add();
    const { YamuxRoundTripper } = await import('../../src/yamux/index.js');
    const { connection } = await new YamuxRoundTripper({ headers: true }).dial({
      url: `http://127.0.0.1:${mesh.port}/mesh/v1/link`,
    });
    const control = await connection.createStream({ lane: 'control' });
    await assert.rejects(connection.createStream({ lane: 'control' }), { code: 'ERR_STREAM_RESET' });
    await assert.rejects(connection.createStream({ lane: 'another' }), { code: 'ERR_STREAM_RESET' });
    await assert.rejects(connection.createStream({}), { code: 'ERR_STREAM_RESET' });
    assert.deepEqual([mesh.links, control.destroyed], [[], false]);
    await connection.close();
  });

  it(
    'is a bounded time for a pod that upgrades and takes no lanes, or says nothing at all',
    { timeout: 30_000 },
    async () => {
      for (const answer of [
        '',
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: yamux-headers/1\r\n\r\n',
      ]) {
        const server = createServer((socket) => {
          socket.on('error', () => {});
          socket.once('data', () => socket.write(answer));
        }).listen(0, '127.0.0.1');
        await once(server, 'listening');
        const { port } = server.address() as AddressInfo;
        const dial = linkDialer({ clock: systemClock, secret: undefined, tls: undefined, timeout: 300 });
        const outcome = await new Promise<LinkTransport | Error>((resolve) => {
          dial({ host: '127.0.0.1', port, name: undefined }, { opened: resolve, failed: resolve });
        });
        assert.ok(outcome instanceof Error && 'code' in outcome && outcome.code === 'ERR_TIMEOUT', String(outcome));
        server.close();
        await once(server, 'close');
      }
    },
  );
});
