import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { deferred } from '../../src/clock/deferred.js';
import {
  EventSource,
  IdleTimeoutError,
  OPEN,
  SSEClient,
  sinkEvents,
  type EventSourceErrorEvent,
  type EventSourceOptions,
  type SinkEnd,
} from '../../src/sse/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { answer, next, serve } from '../support/event-streams.js';

/** Row 14: a peer that stops, at each phase of an event stream. */

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n';

/** A server that sends this and falls silent; the sockets of its clients. */
async function silentAfter(
  text: string,
): Promise<AsyncDisposable & { readonly url: string; readonly sockets: Socket[] }> {
  const sockets: Socket[] = [];
  const server: Server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => socket.write(text));
    socket.resume();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

describe('14: a server that falls silent is noticed', () => {
  for (const [phase, text] of Object.entries({
    'before the head': '',
    'in the head': 'HTTP/1.1 200 OK\r\nContent-',
    'behind the head': HEAD,
    'in a block': `${HEAD}id: 1\ndata: lo`,
    'behind a comment': `${HEAD}: keepalive\n\n`,
    'behind an event': `${HEAD}data: 1\n\n`,
  })) {
    it(phase, async () => {
      await using server = await silentAfter(text);
      const clock = new VirtualClock();
      const source = new EventSource(server.url, { idleTimeout: 45_000, clock });
      const error = next<EventSourceErrorEvent>(source, 'error');
      const told: EventSourceErrorEvent[] = [];
      void error.then((event) => told.push(event));
      while (server.sockets[0] === undefined || server.sockets[0].bytesRead === 0) await turn();
      // What arrives meanwhile postpones the end: a virtual second at each turn.
      while (told.length === 0) {
        clock.advance(1_000);
        await turn();
      }
      assert.ok(told[0]?.error instanceof IdleTimeoutError);
      assert.equal(source.readyState, EventSource.CONNECTING);
      const [socket] = server.sockets;
      assert.ok(socket !== undefined);
      if (!socket.destroyed) await once(socket, 'close');
      source.close();
      assert.equal(clock.pending, 0);
    });
  }

  for (const [name, options] of Object.entries<EventSourceOptions>({
    'a fetch that does not heed its signal': { fetch: () => new Promise(() => {}) },
    'a body that does not heed it': {
      fetch: async () => new Response(new ReadableStream(), { headers: { 'Content-Type': 'text/event-stream' } }),
    },
    'headers that never come': { headers: () => new Promise(() => {}) },
  })) {
    it(name, async () => {
      const clock = new VirtualClock();
      const source = new EventSource('http://localhost/', { ...options, idleTimeout: 45_000, clock });
      const lost = next<EventSourceErrorEvent>(source, 'error');
      for (let i = 0; i < 10; i += 1) await turn();
      clock.advance(45_000);
      assert.ok((await lost).error instanceof IdleTimeoutError);
      source.close();
      await turn();
      assert.equal(clock.pending, 0);
    });
  }

  it('and the stream resumes on the next connection', async () => {
    const clock = new VirtualClock();
    let count = 0;
    await using server = await serve((_request, response) => {
      count += 1;
      answer(response, `id: ${count}\ndata: ${count}\n\n`, { open: true });
    });
    const source = new EventSource(server.url, { idleTimeout: 45_000, clock });
    await next(source, 'message');
    await turn();
    const lost = next(source, 'error');
    clock.advance(45_000);
    await lost;
    await turn();
    const message = next(source, 'message');
    clock.advance(3_000);
    await message;
    assert.equal(server.requests[1]?.headers['last-event-id'], '1');
    source.close();
  });

  it('comments keep a stream alive', async () => {
    const clock = new VirtualClock();
    const comment = deferred<() => void>();
    await using server = await serve((_request, response) => {
      answer(response, 'data: 1\n\n', { open: true });
      comment.resolve(() => response.write(': keepalive\n\ndata: tick\n\n'));
    });
    const source = new EventSource(server.url, { idleTimeout: 45_000, clock });
    source.addEventListener('error', () => assert.fail('lost'));
    await next(source, 'message');
    const send = await comment.promise;
    for (let i = 0; i < 5; i += 1) {
      await turn();
      clock.advance(30_000);
      const tick = next(source, 'message');
      send();
      await tick;
    }
    source.close();
  });

  it('a client that is not read from does not take its own pause for silence', async () => {
    const clock = new VirtualClock();
    await using server = await serve((_request, response) => answer(response, 'data: 1\n\n'.repeat(3), { open: true }));
    const client = new SSEClient({ idleTimeout: 45_000, clock, maxUnread: 1 });
    client.getStream(server.url);
    for await (const _ of client.opens) break;
    for (let i = 0; i < 20; i += 1) await turn();
    clock.advance(1_000_000);
    for (let i = 0; i < 20; i += 1) await turn();
    assert.equal(client.readyState, OPEN);
    assert.equal(server.requests.length, 1);
    client.close();
  });
});

describe('14: a client that does not read', () => {
  it('is cut off after writeTimeout; its feed is told, and was not read ahead', async () => {
    const clock = new VirtualClock();
    const done = deferred<SinkEnd>();
    const block = 'x'.repeat(64 * 1024);
    const seen = { given: 0, aborted: false };
    await using server = await serve(async (_request, response) => {
      const end = await sinkEvents(
        response,
        200,
        async function* feed(signal) {
          signal.addEventListener('abort', () => (seen.aborted = true));
          for (;;) {
            seen.given += 1;
            yield block;
          }
        },
        { clock, keepAlive: 0, writeTimeout: 10_000 },
      );
      done.resolve(end);
    });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.pause();
    // Until the sink waits for room, which is when it has a timer, and the kernel takes no more.
    let before = -1;
    while (clock.pending === 0 || seen.given !== before) {
      before = seen.given;
      for (let i = 0; i < 100; i += 1) await turn();
    }
    clock.advance(9_999);
    await turn();
    assert.equal(seen.aborted, false);
    clock.advance(1);
    assert.equal(await done.promise, 'client-stalled');
    assert.equal(seen.aborted, true);
    assert.equal(seen.given, before);
    assert.equal(clock.pending, 0);
    socket.destroy();
  });

  it('is sent no comments on top of what it does not take', async () => {
    const clock = new VirtualClock();
    const responses: ServerResponse[] = [];
    await using server = await serve((_request, response) => {
      responses.push(response);
      const blocks = Array.from({ length: 1_000 }, () => 'x'.repeat(64 * 1024));
      void sinkEvents(response, 200, blocks, { clock, keepAlive: 1_000, writeTimeout: 0 });
    });
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    socket.pause();
    let before = -1;
    while (responses[0] === undefined || responses[0].writableLength !== before || before === 0) {
      before = responses[0]?.writableLength ?? -1;
      for (let i = 0; i < 100; i += 1) await turn();
    }
    for (let i = 0; i < 100; i += 1) clock.advance(1_000);
    assert.equal(responses[0].writableLength, before);
    socket.destroy();
  });

  it('is not cut off while it makes progress', async () => {
    const clock = new VirtualClock();
    const done = deferred<SinkEnd>();
    await using server = await serve(async (_request, response) => {
      done.resolve(
        await sinkEvents(
          response,
          200,
          Array.from({ length: 100 }, () => 'x'.repeat(64 * 1024)),
          { clock },
        ),
      );
    });
    const response = await fetch(server.url);
    let bytes = 0;
    for await (const chunk of response.body ?? []) {
      bytes += (chunk as Uint8Array).length;
      clock.advance(100);
    }
    assert.equal(await done.promise, 'feed-ended');
    assert.ok(bytes > 6_553_600);
  });
});
