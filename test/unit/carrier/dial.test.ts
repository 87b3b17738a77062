import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { PassThrough, type Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { dial } from '../../../src/carrier/dial.js';
import { ConnectionLostError } from '../../../src/errors/index.js';

async function listen(t: TestContext, onSocket: (socket: Socket) => void = () => {}): Promise<URL> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    onSocket(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return new URL(`http://user:hunter2@127.0.0.1:${(server.address() as AddressInfo).port}/path`);
}

const never = new AbortController().signal;

describe('dial', () => {
  it('connects, with an error listener on the socket from the start', async (t) => {
    const socket = await dial({ url: await listen(t), signal: never });
    assert.ok(socket.listenerCount('error') > 0);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy(new Error('nobody listens to this'));
    await closed;
  });

  it('reports a refused connection as lost, without credentials', async () => {
    await assert.rejects(dial({ url: new URL('http://user:hunter2@127.0.0.1:1/'), signal: never }), (error: Error) => {
      assert.ok(error instanceof ConnectionLostError);
      assert.ok(error.cause instanceof Error);
      return !error.message.includes('hunter2') && !error.message.includes('user');
    });
  });

  it('reports a peer that speaks no TLS as lost', async (t) => {
    const url = await listen(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await assert.rejects(
      dial({ url: new URL(url.href.replace('http:', 'https:')), signal: never }),
      ConnectionLostError,
    );
  });

  it('stops at once when aborted, before and during the attempt', async (t) => {
    const url = await listen(t);
    const reason = new Error('enough');
    await assert.rejects(dial({ url, signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    // A TLS handshake that the peer never answers.
    const attempt = dial({ url: new URL(url.href.replace('http:', 'https:')), signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(attempt, reason);
  });

  it('destroys the socket of a dialer that finishes after the abort', async () => {
    const controller = new AbortController();
    const late = new PassThrough();
    const dialed = new EventEmitter();
    const dialer = async (): Promise<Duplex> => {
      await once(dialed, 'finished');
      return late;
    };
    const attempt = dial({ url: new URL('http://a/'), signal: controller.signal, dialer });
    controller.abort(new Error('enough'));
    await assert.rejects(attempt, /enough/);
    dialed.emit('finished');
    await once(late, 'close');
    assert.ok(late.destroyed);
  });

  it('gives a dialer what it needs, and wraps what it throws', async () => {
    const url = new URL('wss://a:1/');
    const tls = { ca: 'x' };
    const socket = new PassThrough();
    const dialed = await dial({
      url,
      tls,
      signal: never,
      dialer: async (target) => {
        assert.equal(target.url, url);
        assert.equal(target.tls, tls);
        return socket;
      },
    });
    assert.equal(dialed, socket);
    const failing = dial({ url, signal: never, dialer: () => Promise.reject(new Error('no way')) });
    await assert.rejects(failing, ConnectionLostError);
  });
});
