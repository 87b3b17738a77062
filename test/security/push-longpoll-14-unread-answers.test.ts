// Row 14: a client that does not read what it asked for.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { EventLog, longPollHandler } from '../../src/push/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { ask, serve } from '../support/push-json.js';

const WRITE_TIMEOUT = 10_000;

function request(url: string, path: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  socket.write(`GET /v2/keys${path} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
  return socket;
}

/** Waits, without time passing for the log, until the server has cut everybody off or `turns` are over. */
async function settled(condition: () => boolean): Promise<void> {
  while (!condition()) await turn();
}

describe('answers that nobody reads', { timeout: 30_000 }, () => {
  for (const [name, path] of [
    ['a large directory', '/big?recursive=true'],
    ['many items after a cursor', '/big?wait=true&recursive=true&stream=true&waitIndex=1'],
  ] as const) {
    it(`${name}: the client is cut off, and another is served meanwhile`, async () => {
      const clock = new VirtualClock();
      const log = new EventLog({ clock, history: { bytes: 32 * 1024 * 1024 } });
      const handler = longPollHandler(log, { writeTimeout: WRITE_TIMEOUT, maxAnswerBytes: 32 * 1024 * 1024 });
      const closed: string[] = [];
      await using server = await serve((req, res) => {
        res.once('close', () => closed.push(req.url ?? ''));
        handler(req, res);
      });
      // More than the buffers of both sockets take.
      for (let i = 0; i < 64; i++) log.publish(`big/${i}`, 'x'.repeat(250_000));
      const sockets = [request(server.url, path), request(server.url, path)];
      await settled(() => server.requests.length === 2);
      const { status } = await ask(`${server.url}/v2/keys/big/1`);
      assert.equal(status, 200);
      clock.advance(WRITE_TIMEOUT - 1);
      await settled(() => closed.length > 0);
      assert.deepEqual(closed, ['/v2/keys/big/1']);
      for (let i = 0; i < WRITE_TIMEOUT; i += 1000) {
        clock.advance(1000);
        await turn();
      }
      await settled(() => closed.length === 3);
      assert.equal(log.subscribers().length, 0);
      for (const socket of sockets) socket.destroy();
      log.close();
      assert.equal(clock.pending, 0);
    });
  }

  it('a directory beyond the bound is refused before it is put together', async () => {
    const log = new EventLog();
    const handler = longPollHandler(log);
    await using server = await serve((req, res) => handler(req, res));
    for (let i = 0; i < 20; i++) log.publish(`big/${i}`, 'x'.repeat(250_000));
    const { status, lines } = await ask(`${server.url}/v2/keys/big?recursive=true`);
    assert.deepEqual([status, (lines[0] as { readonly errorCode: number }).errorCode], [413, 209]);
    log.close();
  });

  it('those who wait cost a position each, and all are let go', async () => {
    const clock = new VirtualClock();
    const log = new EventLog({ clock });
    const handler = longPollHandler(log, { maxClients: 50 });
    await using server = await serve((req, res) => handler(req, res));
    const sockets = Array.from({ length: 60 }, () => request(server.url, '/a?wait=true'));
    await settled(() => server.requests.length === 60);
    assert.equal(log.subscribers().length, 50);
    assert.equal(clock.pending, 0);
    for (const socket of sockets) socket.destroy();
    await Promise.all(sockets.map((socket) => (socket.closed ? undefined : once(socket, 'close'))));
    await settled(() => log.subscribers().length === 0);
    log.close();
  });
});
