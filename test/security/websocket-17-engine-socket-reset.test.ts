// Row 17: the socket is reset at each step, here below an engine; the process lives, and everything settles.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { ConnectionLostError } from '../../src/errors/index.js';
import { WebSocketRoundTripper } from '../../src/websocket/index.js';
import { FrameFactory } from '../support/frames.js';
import { GOOD_LINES, engineServer } from './websocket-engine-support.js';
import { clientFrame } from './websocket-support.js';

const REQUEST = `GET / HTTP/1.1\r\n${GOOD_LINES.join('\r\n')}\r\n\r\n`;

describe('socket reset below an engine', () => {
  it('at the server, behind each part of the request and of the first frames: it serves on', async (t) => {
    const server = await engineServer(t);
    const bytes = Buffer.concat([Buffer.from(REQUEST), clientFrame(0x2, new FrameFactory().synStream(1))]);
    const parts = [1, 40, REQUEST.length - 1, REQUEST.length, REQUEST.length + 1, REQUEST.length + 7, bytes.length];
    for (const part of parts) {
      const socket = connect(server.port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      await new Promise((resolve) => socket.write(bytes.subarray(0, part), resolve));
      if (part > REQUEST.length) await once(socket, 'data');
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    for (const part of parts.filter((length) => length > REQUEST.length)) {
      const { kind } = await (await server.next()).closed;
      assert.ok(kind === 'lost' || kind === 'ended', `${part}: ${kind}`);
    }
    const { connection } = await new WebSocketRoundTripper().dial({ url: server.url });
    assert.ok((await connection.ping()) >= 0);
    await connection.close();
  });

  it('at the client, before and after each part of the answer: dial rejects', async (t) => {
    for (const answer of [
      '',
      'HTTP',
      'HTTP/1.1 101 X\r\nUpgrade: websocket\r\n',
      'HTTP/1.1 500 X\r\nContent-Length: 9\r\n\r\nx',
    ]) {
      const server = createServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => {
          if (answer === '') socket.resetAndDestroy();
          else socket.write(answer, () => socket.resetAndDestroy());
        });
      }).listen(0, '127.0.0.1');
      t.after(() => server.close());
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
      await assert.rejects(new WebSocketRoundTripper().dial({ url }), (error: { code?: string }) =>
        ['ERR_CONNECTION_LOST', 'ERR_UPGRADE_FAILURE'].includes(error.code ?? ''),
      );
    }
  });

  it('with writes under way on both ends: streams fail', async (t) => {
    const server = await engineServer(t, {}, (stream) => {
      stream.resume();
      stream.write(Buffer.alloc(32 * 1024 * 1024));
    });
    let drop = (): void => {};
    const { connection } = await new WebSocketRoundTripper().dial({
      url: server.url,
      dialer: async () => {
        const socket = connect(server.port, '127.0.0.1');
        await once(socket, 'connect');
        drop = () => void socket.resetAndDestroy();
        return socket;
      },
    });
    const stream = await connection.createStream({});
    stream.write(Buffer.alloc(32 * 1024 * 1024));
    const failed = new Promise((resolve) => stream.once('close', () => resolve(stream.errored)));
    await once(stream, 'data');
    drop();
    assert.ok((await failed) instanceof ConnectionLostError);
    const far = await server.next();
    for (const { kind } of [await connection.closed, await far.closed]) {
      assert.ok(kind === 'lost' || kind === 'ended', kind);
    }
  });

  it('during the closing handshake of either side', async (t) => {
    const server = await engineServer(t);
    const { connection } = await new WebSocketRoundTripper().dial({ url: server.url });
    const far = await server.next();
    await Promise.all([connection.close(), far.close()]);
    await Promise.all([connection.closed, far.closed]);
  });
});
