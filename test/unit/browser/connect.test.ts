import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { connectWebSocket, type ConnectWebSocketOptions } from '../../../src/browser/index.js';
import {
  InvalidArgumentError,
  TimeoutError,
  UpgradeFailureError,
  YAMUX_HEADERS_SUBPROTOCOL,
  YAMUX_SUBPROTOCOL,
} from '../../../src/websocket/index.js';
import * as browser from '../../../src/browser/index.js';
import * as node from '../../../src/websocket/index.js';
import { VirtualClock } from '../../../src/testing/index.js';
import { fakeWebSockets, type FakeWebSocket } from './fake-web-socket.js';

/** Starts to connect; gives the WebSocket and the promise. */
function begin(
  options: ConnectWebSocketOptions = {},
  url: string | URL = 'ws://server.example/streams',
): { readonly socket: FakeWebSocket; readonly connection: ReturnType<typeof connectWebSocket> } {
  const made: FakeWebSocket[] = [];
  const webSocket = fakeWebSockets((socket) => made.push(socket));
  const connection = connectWebSocket(url, { pingPeriod: 0, ...options, webSocket });
  const [socket] = made;
  if (socket === undefined) throw new Error('no WebSocket was made');
  return { socket, connection };
}

describe('connectWebSocket', { timeout: 20_000 }, () => {
  test('offers yamux with headers, and takes bytes as ArrayBuffer', async () => {
    const { socket, connection } = begin();
    assert.equal(socket.url, 'ws://server.example/streams');
    assert.deepEqual(socket.offered, ['yamux-headers.v1']);
    assert.equal(socket.binaryType, 'arraybuffer');
    socket.open();
    const { protocol, closed, close } = await connection;
    assert.equal(protocol, 'yamux-headers.v1');
    assert.equal(typeof close, 'function');
    socket.closes(1006, '', false);
    assert.equal((await closed).kind, 'lost');
  });

  test('offers what else it is told to, such as a token', async () => {
    const protocols = ['yamux', 'bearer.c2VjcmV0'];
    const { socket, connection } = begin({ protocols });
    assert.deepEqual(socket.offered, protocols);
    socket.open('yamux');
    assert.equal((await connection).protocol, 'yamux');
    socket.closes(1006, '', false);
  });

  for (const [what, chosen] of [
    ['none', ''],
    ['a strange one', 'bearer.c2VjcmV0'],
  ] as const) {
    test(`a server that chooses no subprotocol of ours (${what})`, async () => {
      const { socket, connection } = begin({ protocols: ['yamux', 'bearer.c2VjcmV0'] });
      socket.open(chosen);
      await assert.rejects(connection, UpgradeFailureError);
      assert.equal(socket.closed, true);
    });
  }

  test('a WebSocket that does not open, with no secret of the address in the error', async () => {
    const { socket, connection } = begin({}, 'wss://me:password@server.example/streams?token=secret#secret');
    socket.closes(1006, '', false);
    await assert.rejects(connection, (error: Error) => {
      assert.ok(error instanceof UpgradeFailureError);
      assert.match(error.message, /wss:\/\/server\.example\/streams could not be opened$/);
      assert.doesNotMatch(error.message, /secret|password/);
      return true;
    });
  });

  test('a WebSocket that never opens', async () => {
    const clock = new VirtualClock();
    const { socket, connection } = begin({ clock, limits: { upgradeTimeout: 5000 } });
    clock.advance(4999);
    assert.equal(socket.closed, false);
    clock.advance(1);
    await assert.rejects(connection, TimeoutError);
    assert.equal(socket.closed, true);
    assert.equal(clock.pending, 0);
  });

  test('an abort, before and during', async () => {
    const made: FakeWebSocket[] = [];
    const webSocket = fakeWebSockets((socket) => made.push(socket));
    const reason = new Error('changed my mind');
    await assert.rejects(connectWebSocket('ws://x/', { webSocket, signal: AbortSignal.abort(reason) }), reason);
    assert.equal(made.length, 0);

    const controller = new AbortController();
    const { socket, connection } = begin({ signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(connection, reason);
    assert.equal(socket.closed, true);
    socket.open();
  });

  test('an abort once it is connected changes nothing', async () => {
    const controller = new AbortController();
    const { socket, connection } = begin({ signal: controller.signal });
    socket.open();
    const { streams } = await connection;
    controller.abort();
    assert.equal(socket.closed, false);
    assert.equal(streams.size, 0);
    socket.closes(1006, '', false);
  });

  for (const [given, expected] of [
    ['http://server.example:81/a?b=c#d', 'ws://server.example:81/a?b=c'],
    [new URL('https://server.example/'), 'wss://server.example/'],
  ] as const) {
    test(`goes to ${expected} for ${String(given)}`, async () => {
      const { socket, connection } = begin({}, given);
      assert.equal(socket.url, expected);
      socket.closes(1006, '', false);
      await assert.rejects(connection, UpgradeFailureError);
    });
  }

  test('a relative address needs a page', async () => {
    await assert.rejects(connectWebSocket('/streams'), InvalidArgumentError);
  });

  for (const [what, options] of [
    ['no subprotocol of ours', { protocols: ['spdy.3.1'] }],
    ['no subprotocol', { protocols: [] }],
    ['a limit that is none', { limits: { maxStreams: 0 } }],
    ['a period that is no time', { pingPeriod: -1 }],
    ['a timeout that is no time', { pingTimeout: Number.NaN }],
  ] as const) {
    test(`refuses ${what}, before anything is sent`, async () => {
      let made = 0;
      const webSocket = fakeWebSockets(() => made++);
      await assert.rejects(connectWebSocket('ws://x/', { ...options, webSocket }), InvalidArgumentError);
      assert.equal(made, 0);
    });
  }

  test('an address of another scheme is refused before a WebSocket is made', async () => {
    const webSocket = fakeWebSockets(() => assert.fail('made'));
    for (const url of ['ftp://x/', 'nonsense', '']) {
      await assert.rejects(connectWebSocket(url, { webSocket }), { code: 'ERR_INVALID_ARGUMENT', message: /wss:/ });
    }
  });

  test('what the constructor throws is the fault of an argument', async () => {
    const webSocket = fakeWebSockets(() => {
      throw new SyntaxError('bad address');
    });
    await assert.rejects(connectWebSocket('ws://x/', { webSocket }), (error: Error) => {
      assert.ok(error instanceof InvalidArgumentError && error.cause instanceof SyntaxError);
      return true;
    });
  });
});

describe('the names of trunkline/websocket', () => {
  test('of the browser build are all in that of Node', () => {
    const missing = Object.keys(browser).filter((name) => !(name in node));
    assert.deepEqual(missing, []);
    assert.equal(browser.YAMUX_HEADERS_SUBPROTOCOL, YAMUX_HEADERS_SUBPROTOCOL);
    assert.equal(browser.YAMUX_SUBPROTOCOL, YAMUX_SUBPROTOCOL);
  });
});
