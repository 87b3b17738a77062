import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  ConnectionLostError,
  LimitExceededError,
  ProtocolError,
  StreamResetError,
  TimeoutError,
  InvalidArgumentError,
  type IncomingBrowserStream,
} from '../../../src/browser/index.js';
import type { Clock } from '../../../src/clock/clock.js';
import type { IncomingStream } from '../../../src/httpstream/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { buffer } from 'node:stream/consumers';
import { readAll, turns, until, withPage } from './support.js';

/** Echoes on the page's side. */
const echo = (stream: IncomingBrowserStream): Promise<void> => stream.readable.pipeTo(stream.writable);
const putOff = (stream: IncomingStream): void => stream.deferReply();

describe('streams that the server opens', { timeout: 20_000 }, () => {
  test('are served by the handler', () =>
    withPage({ page: { newStreamHandler: echo } }, async ({ server }) => {
      const stream = await server.createStream({ kind: 'x' });
      const bytes = Buffer.alloc(1_000_000, 'up and down');
      stream.end(bytes);
      assert.ok((await buffer(stream)).equals(bytes));
      assert.equal(stream.id, 2);
    }));

  test('are refused without one', () =>
    withPage({}, async ({ server }) => {
      await assert.rejects(server.createStream({}), (error) => {
        assert.ok(error instanceof StreamResetError);
        assert.equal(error.reason, 'refused');
        assert.match(error.message, /takes no streams/);
        return true;
      });
    }));

  test('are refused when the handler throws, and the server is not told what', () => {
    const told: unknown[] = [];
    const failure = new Error('a secret');
    const page = {
      newStreamHandler: () => {
        throw failure;
      },
      onHandlerError: (error: unknown) => void told.push(error),
    };
    return withPage({ page }, async ({ server }) => {
      await assert.rejects(server.createStream({}), (error) => {
        assert.ok(error instanceof StreamResetError);
        assert.doesNotMatch(error.message, /secret/);
        return true;
      });
      assert.deepEqual(told, [failure]);
    });
  });

  test('are reset when the handler fails later', () => {
    const page = { newStreamHandler: () => Promise.reject(new Error('later')) };
    return withPage({ page }, async ({ server }) => {
      const stream = server.openStream({});
      await until(() => stream.destroyed);
      assert.ok(stream.errored instanceof StreamResetError);
    });
  });

  test('wait for a reply that is put off', () => {
    const held: { stream: IncomingBrowserStream; sent: Promise<void> }[] = [];
    const newStreamHandler = (stream: IncomingBrowserStream, sent: Promise<void>): void => {
      stream.deferReply();
      held.push({ stream, sent });
    };
    return withPage({ page: { newStreamHandler, limits: { acceptBacklog: 2 } } }, async ({ server }) => {
      const [one, two] = [server.openStream({}), server.openStream({})];
      await until(() => held.length === 2);
      let accepted = false;
      one.accepted.then(() => (accepted = true)).catch(() => {});
      await turns();
      assert.equal(accepted, false);
      // More than the backlog are refused.
      await assert.rejects(server.createStream({}), StreamResetError);
      held[0]?.stream.accept();
      held[1]?.stream.refuse('refused', 'not today');
      await Promise.all([one.accepted, held[0]?.sent]);
      await assert.rejects(two.accepted, /not today/);
      await assert.rejects(held[1]?.sent ?? Promise.resolve(), StreamResetError);
      // A reply is given once.
      held[0]?.stream.refuse();
      held[1]?.stream.accept();
      await turns();
      assert.equal(one.destroyed, false);
    });
  });

  test('are limited in number, those that are still being served included', () => {
    const page = { newStreamHandler: () => new Promise<void>(() => {}), limits: { maxStreams: 3 } };
    return withPage({ page }, async ({ server }) => {
      const streams = await Promise.all([1, 2, 3].map(() => server.createStream({})));
      await assert.rejects(server.createStream({}), StreamResetError);
      streams[0]?.reset();
      await turns();
      await assert.rejects(server.createStream({}), StreamResetError);
    });
  });

  test('are limited by what finished ones hold unread', () => {
    const seen: IncomingBrowserStream[] = [];
    const page = {
      newStreamHandler: (stream: IncomingBrowserStream) => void seen.push(stream),
      limits: { maxStreams: 2, receiveBudgetBytes: 512 * 1024 },
    };
    return withPage({ page }, async ({ page: { streams }, server }) => {
      for (let i = 0; i < 2; i++) {
        const stream = await server.createStream({});
        stream.end(Buffer.alloc(200_000));
        await seen[i]?.writable.close();
        stream.resume();
      }
      await until(() => streams.size === 0);
      await assert.rejects(server.createStream({}), StreamResetError);
      for (const stream of seen) assert.equal((await readAll(stream.readable)).length, 200_000);
      await server.createStream({});
    });
  });
});

describe('a connection of the browser build', { timeout: 20_000 }, () => {
  test('refusals of the server carry their reason', () =>
    withPage({ handler: (stream) => stream.refuse('refused', 'no room') }, async ({ page }) => {
      for (const promise of [page.createStream({}), page.openStream().accepted]) {
        await assert.rejects(promise, (error) => {
          assert.ok(error instanceof StreamResetError);
          assert.deepEqual([error.reason, error.initiator], ['refused', 'remote']);
          assert.match(error.message, /no room/);
          return true;
        });
      }
      assert.equal(page.streams.size, 0);
    }));

  test('createStream gives up in time', async () => {
    const clock = new VirtualClock();
    await withPage({ handler: putOff, page: { clock, limits: { createTimeout: 700 } } }, async ({ page, server }) => {
      const creation = page.createStream({});
      await until(() => server.streams.size === 1);
      clock.advance(700);
      await assert.rejects(creation, TimeoutError);
      await until(() => server.streams.size === 0);
    });
  });

  test('createStream is aborted by a signal, and the server told', () =>
    withPage({ handler: putOff }, async ({ page, server }) => {
      const controller = new AbortController();
      const creation = page.createStream({}, { signal: controller.signal });
      await until(() => server.streams.size === 1);
      const reason = new Error('enough');
      controller.abort(reason);
      await assert.rejects(creation, reason);
      await until(() => server.streams.size === 0);
      await assert.rejects(page.createStream({}, { signal: AbortSignal.abort(reason) }), reason);
    }));

  test('headers that cannot be carried are refused at once', () =>
    withPage({}, async ({ page }) => {
      assert.throws(() => page.openStream({ 'bad name': 'x' }), InvalidArgumentError);
      await assert.rejects(page.createStream({ large: 'x'.repeat(70_000) }), InvalidArgumentError);
      assert.equal(page.streams.size, 0);
      await page.createStream({ fine: 'x' });
    }));

  test('close() resets what is open, says goodbye, and settles', () =>
    withPage({}, async ({ page, server, socket }) => {
      const stream = await page.createStream({});
      const [peer] = server.streams.values();
      const pinging = assert.rejects(page.ping(), ConnectionLostError);
      await page.close();
      await pinging;
      assert.deepEqual(await page.closed, { kind: 'closed', initiator: 'local' });
      assert.equal(socket.closeCode, 1000);
      await assert.rejects(stream.readable.getReader().read(), StreamResetError);
      await until(() => peer?.destroyed === true);
      assert.equal((await server.closed).kind, 'going-away');
      assert.throws(() => page.openStream(), ConnectionLostError);
      await assert.rejects(page.ping(), ConnectionLostError);
      await page.close();
    }));

  test('close() settles by its deadline where the WebSocket does not', async () => {
    const clock = new VirtualClock();
    await withPage({ page: { clock, limits: { closeTimeout: 3000 } } }, async ({ page, socket }) => {
      await until(() => socket.bufferedAmount === 0);
      socket.hold();
      let settled = false;
      const closing = page.close().then(() => (settled = true));
      clock.advance(2999);
      await turns();
      assert.equal(settled, false);
      clock.advance(1);
      await closing;
      assert.equal(clock.pending, 0);
    });
  });

  test('a server that goes away lets streams finish, and takes no more', () => {
    const streams: IncomingStream[] = [];
    return withPage({ handler: (stream) => void streams.push(stream) }, async ({ page, server, socket }) => {
      const stream = await page.createStream({});
      // A go away frame, as yamux peers send it (version 0, type 3, code 0).
      socket.receive(Uint8Array.of(0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0).buffer);
      assert.throws(() => page.openStream(), ConnectionLostError);
      streams[0]?.end('the rest');
      assert.equal(String(await readAll(stream.readable)), 'the rest');
      streams[0]?.resume();
      await stream.writable.close();
      assert.deepEqual(await page.closed, { kind: 'going-away', initiator: 'remote' });
      assert.equal(socket.closeCode, 1000);
      await server.closed;
    });
  });

  for (const [code, wasClean, kind] of [
    [1000, true, 'ended'],
    [1001, true, 'ended'],
    [1000, false, 'lost'],
    [1006, false, 'lost'],
    [1011, true, 'lost'],
  ] as const) {
    test(`a WebSocket that is closed (${code}, ${wasClean ? 'clean' : 'unclean'}): ${kind}, and what is unfinished is lost`, () =>
      withPage({}, async ({ page, socket }) => {
        const stream = await page.createStream({});
        socket.closes(code, 'because', wasClean);
        const reason = await page.closed;
        assert.deepEqual([reason.kind, reason.initiator], [kind, 'remote']);
        await assert.rejects(stream.readable.getReader().read(), (error) => {
          assert.ok(error instanceof ConnectionLostError);
          assert.match(error.message, new RegExp(`${code}: because`));
          return true;
        });
        await assert.rejects(stream.writable.getWriter().closed, ConnectionLostError);
      }));
  }

  for (const [what, data] of [
    ['text', 'hello'],
    ['a Blob', new Blob(['x'])],
    ['another protocol', Buffer.from('HTTP/1.1 200 OK\r\n\r\n')],
  ] as const) {
    test(`${what} instead of yamux breaks the rules`, () =>
      withPage({}, async ({ page, socket }) => {
        const stream = await page.createStream({});
        socket.receive(Buffer.isBuffer(data) ? Uint8Array.from(data).buffer : data);
        const { kind, error } = await page.closed;
        assert.equal(kind, 'protocol-error');
        assert.ok(error instanceof ProtocolError);
        assert.equal(socket.closeCode, 4000);
        await assert.rejects(stream.readable.getReader().read(), ConnectionLostError);
      }));
  }

  test('a server that asks for answers and reads none has to go', () =>
    withPage({ page: { limits: { outboundBytes: 1000, closeTimeout: 10 } } }, async ({ page, socket }) => {
      socket.hold();
      const ping = Uint8Array.of(0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7);
      const flood = new Uint8Array(12 * 10_000);
      for (let at = 0; at < flood.length; at += 12) flood.set(ping, at);
      socket.receive(flood.buffer);
      const { kind, error } = await page.closed;
      assert.equal(kind, 'protocol-error');
      assert.ok(error instanceof LimitExceededError && error.limit === 'outboundBytes');
      assert.ok(socket.bufferedAmount < 10_000, `${socket.bufferedAmount} bytes`);
    }));

  test('a flood of pings that is read is answered', () =>
    withPage({}, async ({ page, socket }) => {
      const flood = new Uint8Array(12 * 5000);
      for (let at = 0; at < flood.length; at += 12) flood.set([0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7], at);
      const before = socket.messages.reduce((sum, size) => sum + size, 0);
      socket.receive(flood.buffer);
      await turns();
      const answers = socket.messages.reduce((sum, size) => sum + size, 0) - before;
      assert.equal(answers, flood.length);
      assert.equal(typeof (await page.ping()), 'number');
    }));

  test('ping measures, and is aborted', async () => {
    const clock = new VirtualClock(100);
    await withPage({ page: { clock } }, async ({ page, socket }) => {
      const pong = page.ping();
      clock.advance(25);
      assert.equal(await pong, 25);
      socket.hold();
      const reason = new Error('enough');
      await assert.rejects(page.ping({ signal: AbortSignal.abort(reason) }), reason);
    });
  });

  test('a silent server is pinged, and counts as dead when it answers none of several', async () => {
    const clock = new VirtualClock();
    const page = { clock, pingPeriod: 15_000, pingTimeout: 10_000, limits: { writeTimeout: 0 } };
    await withPage({ page }, async ({ page: connection, socket }) => {
      const stream = await connection.createStream({});
      for (let i = 0; i < 4; i++) {
        clock.advance(15_000);
        await turns();
      }
      assert.equal(connection.streams.size, 1);
      // It takes everything, and says nothing.
      socket.peer.removeAllListeners('data');
      socket.peer.resume();
      for (let i = 0; i < 30; i++) {
        clock.advance(1000);
        await turns(2);
      }
      assert.equal((await connection.closed).kind, 'ping-timeout');
      await assert.rejects(stream.readable.getReader().read(), ConnectionLostError);
    });
  });

  test('a page whose timers fire once a minute loses no connection that lives', async () => {
    const time = new VirtualClock();
    // As in tabs that are hidden for long.
    const minutely = (milliseconds: number): number => Math.ceil(milliseconds / 60_000) * 60_000;
    const clock: Clock = {
      now: () => time.now(),
      setTimeout: (callback, milliseconds) => time.setTimeout(callback, minutely(milliseconds)),
    };
    const page = { clock, pingPeriod: 15_000, pingTimeout: 10_000 };
    await withPage({ page }, async ({ page: connection, socket }) => {
      await connection.createStream({});
      const before = socket.messages.length;
      for (let i = 0; i < 20; i++) {
        time.advance(60_000);
        await turns(5);
      }
      assert.equal(connection.streams.size, 1);
      assert.ok(socket.messages.length - before >= 9, 'it was pinged');
    });
  });

  test('plain yamux has no headers', () =>
    withPage({ page: { protocols: ['yamux'] }, server: { headers: false } }, async ({ page }) => {
      await assert.rejects(page.createStream({ a: 'b' }), InvalidArgumentError);
      const stream = await page.createStream();
      const writer = stream.writable.getWriter();
      await writer.write(Buffer.from('plain'));
      await writer.close();
      assert.equal(String(await readAll(stream.readable)), 'plain');
    }));
});
