import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createConnection, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { EventLog } from '../../src/push/log/event-log.js';
import { sseHandler, type SSEHandlerOptions } from '../../src/push/sse/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { eventually, servePush, type PushServer } from '../support/push-sse.js';

// Row 14: a client that takes nothing, or next to nothing, at each phase of an event stream.

const REQUEST = 'GET /?stream=a HTTP/1.1\r\nHost: localhost\r\n';

/** A client that has sent its request and reads nothing. */
async function stuck(port: number, request: string = REQUEST): Promise<Socket> {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.pause();
  socket.write(`${request}\r\n`);
  return socket;
}

/**
 * Publishes what does not compress until the only client is behind for some turns, and what it was sent stays in its
 * socket; a compressor at work would make it look behind too.
 */
async function fill(log: EventLog, socket?: Socket): Promise<void> {
  let seed = 1;
  const noise = (): string =>
    Array.from({ length: 20_000 }, () => {
      seed = (seed * 48_271) % 0x7fffffff;
      return seed.toString(36);
    }).join('');
  await eventually(() => log.subscribers().length === 1);
  for (let lagging = 0; lagging < 50;) {
    if (log.subscribers()[0]?.lag === 0) log.publish('a', noise());
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const waits = socket === undefined || socket.writableLength > 0;
    lagging = waits && (log.subscribers()[0]?.lag ?? 0) > 0 ? lagging + 1 : 0;
  }
}

interface StuckServer extends PushServer {
  /** The server's ends. */
  readonly sockets: readonly Socket[];
}

async function serveStuck(options: SSEHandlerOptions): Promise<StuckServer> {
  const push = await servePush({ keepAlive: 0, ...options }, { history: { events: 10 } });
  const sockets: Socket[] = [];
  push.server.on('connection', (socket: Socket) => sockets.push(socket));
  return Object.assign(push, { sockets });
}

describe('14: a client that takes nothing', () => {
  for (const [how, request] of Object.entries({
    plain: REQUEST,
    gzip: `${REQUEST}Accept-Encoding: gzip\r\n`,
    brotli: `${REQUEST}Accept-Encoding: br\r\n`,
    'HTTP/1.0': REQUEST.replace('1.1', '1.0'),
  })) {
    it(`${how}: is cut off after writeTimeout, and counted`, { timeout: 30_000 }, async () => {
      const clock = new VirtualClock();
      await using push = await serveStuck({ clock });
      const socket = await stuck(push.port, request);
      await fill(push.log, push.sockets[0]);
      clock.advance(9_999);
      assert.equal(push.log.subscribers().length, 1);
      // A compressor may still be at work, which counts as progress.
      await eventually(() => {
        clock.advance(1_000);
        return push.log.subscribers().length === 0;
      });
      assert.deepEqual(push.log.stats().ended, { sse: { stalled: 1 } });
      await eventually(() => push.handler.clients === 0);
      assert.equal(clock.pending, 0);
      socket.destroy();
    });
  }

  it('behind the end of the log: is cut off too, and its bytes given up', { timeout: 30_000 }, async () => {
    const clock = new VirtualClock();
    await using push = await serveStuck({ clock });
    const socket = await stuck(push.port);
    await fill(push.log, push.sockets[0]);
    push.log.close();
    assert.equal(push.handler.clients, 1);
    clock.advance(12_500);
    await eventually(() => push.handler.clients === 0);
    assert.deepEqual(push.log.stats().ended, { sse: { closed: 1 } });
    socket.destroy();
  });

  it(
    'on HTTP/2, by its window: is cut off, and its connection takes no more streams',
    { timeout: 30_000 },
    async () => {
      const clock = new VirtualClock();
      const log = new EventLog();
      const handler = sseHandler(log, { clock, keepAlive: 0 });
      const server = createHttp2Server(handler).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      const stream = session.request({ ':path': '/?stream=a' });
      stream.on('error', () => {});
      stream.pause();
      await once(stream, 'response');
      await fill(log);
      clock.advance(12_500);
      assert.deepEqual(log.stats().ended, { sse: { stalled: 1 } });
      await Promise.all([once(session, 'goaway'), once(stream.resume(), 'close')]);
      if (!session.destroyed) await once(session, 'close');
      assert.equal(handler.clients, 0);
      session.destroy();
      server.close();
      await once(server, 'close');
    },
  );
});

describe('14: a client that is slow', () => {
  it('and takes something in each time: is kept', { timeout: 30_000 }, async () => {
    const clock = new VirtualClock();
    await using push = await serveStuck({ clock });
    const socket = await stuck(push.port);
    await fill(push.log, push.sockets[0]);
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      socket.pause();
    });
    for (let round = 0; round < 5; round++) {
      clock.advance(8_000);
      const { delivered } = push.log.subscribers()[0] ?? assert.fail('it was cut off');
      // Reads until the server could write again.
      while ((push.log.subscribers()[0]?.delivered ?? 0) === delivered) {
        socket.resume();
        await once(socket, 'data');
      }
      await fill(push.log, push.sockets[0]);
    }
    assert.ok(bytes > 0);
    clock.advance(12_500);
    assert.deepEqual(push.log.stats().ended, { sse: { stalled: 1 } });
    socket.destroy();
  });

  it('is sent no keepalives on top of what it does not take', { timeout: 30_000 }, async () => {
    const clock = new VirtualClock();
    await using push = await serveStuck({ clock, keepAlive: 1_000, writeTimeout: 0 });
    const socket = await stuck(push.port);
    await fill(push.log, push.sockets[0]);
    const waiting = push.sockets[0]?.writableLength;
    clock.advance(1_000_000);
    assert.equal(push.sockets[0]?.writableLength, waiting);
    assert.equal(push.log.subscribers().length, 1);
    socket.destroy();
  });
});
