import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerHttp2Session } from 'node:http2';
import { createConnection, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { EventLog } from '../../src/push/log/event-log.js';
import { sseHandler, type SSEHandler, type SSEHandlerOptions } from '../../src/push/sse/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { closed, eventually, openStream, servePush } from '../support/push-sse.js';

// Row 2: clients that make us reset, and clients that open streams only to close them. What is served stays bounded, and
// nothing is left behind.

const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

const literal = (text: string): Buffer => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
/** GET of an event stream in HPACK: `:method` and `:scheme` from the static table, the others written out. */
const BLOCK = Buffer.concat([
  Buffer.from([0x82, 0x86, 0x04]),
  literal('/?stream=a'),
  Buffer.from([0x01]),
  literal('localhost'),
]);
const SETTINGS = frame(4, 0, 0);
const headers = (id: number): Buffer => frame(1, 0x5, id, BLOCK);
const windowUpdate = (id: number, increment: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(8, 0, id, payload);
};
const reset = (id: number): Buffer => frame(3, 0, id, Buffer.from([0, 0, 0, 8]));

interface Arena extends AsyncDisposable {
  readonly log: EventLog;
  readonly handler: SSEHandler;
  /** The most clients that were served at once. */
  readonly most: () => number;
  attack(): Promise<Socket>;
}

async function arena(options: SSEHandlerOptions = {}): Promise<Arena> {
  const log = new EventLog();
  const handler = sseHandler(log, options);
  let most = 0;
  const server = createServer((req, res) => {
    handler(req, res);
    most = Math.max(most, handler.clients);
  });
  server.on('sessionError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets: Socket[] = [];
  const sessions: ServerHttp2Session[] = [];
  server.on('session', (session) => sessions.push(session));
  return {
    log,
    handler,
    most: () => most,
    async attack() {
      const socket = createConnection((server.address() as AddressInfo).port, '127.0.0.1');
      socket.on('error', () => {});
      socket.resume();
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write(Buffer.concat([PREFACE, SETTINGS]));
      return socket;
    },
    async [Symbol.asyncDispose]() {
      log.close();
      for (const socket of sockets) socket.destroy();
      // Node does not notice the end of a connection that it has sent an error.
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const COUNT = 5_000;
const ids = Array.from({ length: COUNT }, (_, index) => 2 * index + 1);

describe('2: HTTP/2 streams that are opened to be reset', () => {
  for (const [what, frames] of Object.entries<(id: number) => Buffer>({
    'by a window update of nothing': (id) => Buffer.concat([headers(id), windowUpdate(id, 0)]),
    'by a window that overflows': (id) => Buffer.concat([headers(id), windowUpdate(id, 2 ** 31 - 1)]),
    'by data after the end': (id) => Buffer.concat([headers(id), frame(0, 0, id, Buffer.from('x'))]),
    'by the client itself': (id) => Buffer.concat([headers(id), reset(id)]),
  })) {
    it(`${what}: none is followed for longer than it lasts`, { timeout: 30_000 }, async () => {
      const clock = new VirtualClock();
      await using ring = await arena({ clock });
      const socket = await ring.attack();
      for (const part of chunks(ids, 100)) {
        if (socket.destroyed) break;
        socket.write(Buffer.concat(part.map(frames)));
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
      }
      assert.ok(ring.most() <= 100, `${ring.most()} at once`);
      socket.destroy();
      // Those on a connection that Node has given up are found by the sweeps.
      await eventually(() => {
        clock.advance(1_000);
        return ring.handler.clients === 0 && ring.log.subscribers().length === 0;
      });
      const { left = 0, stalled = 0, ...others } = ring.log.stats().ended.sse ?? {};
      assert.ok(left + stalled > 0, 'nothing was opened');
      assert.deepEqual(others, {});
      assert.equal(clock.pending, 0);
    });
  }

  it('streams beyond the most of one connection are refused, and other connections served', async () => {
    await using ring = await arena({ maxClientsPerConnection: 10 });
    const greedy = await ring.attack();
    greedy.write(Buffer.concat(ids.slice(0, 50).map(headers)));
    const modest = await ring.attack();
    modest.write(headers(1));
    await eventually(() => ring.log.subscribers().length === 11);
    assert.equal(ring.handler.clients, 11);
    // A place is free again when one leaves.
    greedy.write(Buffer.concat([reset(1), headers(101)]));
    await eventually(() => (ring.log.stats().ended.sse?.left ?? 0) === 1 && ring.log.subscribers().length === 11);
  });
});

describe('2: event streams that are opened and closed', () => {
  it('2,000 connections: what was followed has ended, and no timer is left', { timeout: 30_000 }, async () => {
    const clock = new VirtualClock();
    await using push = await servePush({ clock });
    const honest = await openStream(`${push.url}/?stream=a`);
    for (const part of chunks(
      Array.from({ length: 2_000 }, (_, n) => n),
      100,
    )) {
      await Promise.all(
        part.map(async (n) => {
          const socket = createConnection(push.port, '127.0.0.1');
          socket.on('error', () => {});
          await once(socket, 'connect');
          socket.write('GET /?stream=a HTTP/1.1\r\nHost: localhost\r\n\r\n');
          // Some leave before the answer, some behind it, some rudely.
          if (n % 3 === 0) await once(socket, 'data');
          if (n % 2 === 0) socket.resetAndDestroy();
          else socket.destroy();
        }),
      );
      await eventually(() => push.log.subscribers().length === 1);
    }
    await eventually(() => push.log.subscribers().length === 1);
    push.log.publish('a', 'still here');
    await honest.until(({ events }) => events.length === 1);
    honest.leave();
    await eventually(() => push.handler.clients === 0);
    assert.equal(clock.pending, 0);
    assert.deepEqual(Object.keys(push.log.stats().ended.sse ?? {}), ['left']);
  });

  it('that leave while authorize is asked are not followed when it says yes', async () => {
    const pending: ((yes: boolean) => void)[] = [];
    const authorize = async (): Promise<boolean> => await new Promise((resolve) => pending.push(resolve));
    await using push = await servePush({ authorize, maxClients: 20 });
    for (let round = 0; round < 5; round++) {
      const sockets = Array.from({ length: 20 }, () => {
        const socket = createConnection(push.port, '127.0.0.1');
        socket.on('error', () => {});
        socket.write('GET /?stream=a HTTP/1.1\r\nHost: localhost\r\n\r\n');
        return socket;
      });
      await eventually(() => pending.length === 20 * (round + 1));
      const gone = sockets.map(async (socket) => {
        socket.destroy();
        await closed(socket);
      });
      await Promise.all(gone);
    }
    // All have gone, so that there is room again.
    const client = openStream(`${push.url}/?stream=a`);
    await eventually(() => pending.length === 101);
    for (const resolve of pending) resolve(true);
    (await client).leave();
    await eventually(() => push.log.subscribers().length === 0);
    assert.deepEqual(push.log.stats().ended, { sse: { left: 1 } });
  });
});

function* chunks<T>(all: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}
