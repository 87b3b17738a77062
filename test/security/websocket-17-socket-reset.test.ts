// Row 17: the socket is reset at each step; the process lives, and everything settles.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { ConnectionLostError } from '../../src/errors/index.js';
import { dialChannels } from '../../src/websocket/index.js';
import { CLIENT, V5, channelServer, foreignClient, foreignServer, pair } from '../conformance/channel-support.js';
import { HANDSHAKE, clientFrame, rawClient } from './websocket-support.js';

describe('socket reset', () => {
  it('at the server, after each part of the request: the server serves on', async (t) => {
    const { port, url } = await channelServer(t);
    for (const part of [1, 40, HANDSHAKE.length - 1, HANDSHAKE.length]) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      await new Promise((resolve) => socket.write(HANDSHAKE.slice(0, part), resolve));
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    const peer = await foreignClient(t, url);
    assert.equal(peer.protocol, V5);
  });

  it('at the server, while verify decides: rejects, and serves on', async (t) => {
    const waiting: (() => void)[] = [];
    const verify = (): Promise<undefined> =>
      new Promise((resolve) => {
        waiting.push(() => resolve(undefined));
      });
    const { port, accepted } = await channelServer(t, { verify });
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write(HANDSHAKE);
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    socket.resetAndDestroy();
    await once(socket, 'close');
    waiting[0]?.();
    const outcome = await accepted.then(
      (connection) => connection.closed.then(({ kind }) => kind),
      (error: unknown) => error,
    );
    assert.ok(outcome instanceof ConnectionLostError || outcome === 'lost' || outcome === 'ended', String(outcome));
  });

  it('at the server, inside a frame, with writes under way: streams fail, writers are told', async (t) => {
    const { port, accepted } = await channelServer(t);
    const peer = await rawClient(t, port);
    const connection = await accepted;
    const written = new Promise<unknown>((resolve) => {
      connection.channel(1).write(Buffer.alloc(32 * 1024 * 1024), resolve);
    });
    peer.write(clientFrame(2, Buffer.from('\0partial')).subarray(0, 8));
    peer.resetAndDestroy();
    assert.ok((await written) instanceof Error);
    const { kind } = await connection.closed;
    assert.ok(kind === 'lost' || kind === 'ended', kind);
  });

  it('at the client, before and after each part of the answer', async (t) => {
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
      await assert.rejects(dialChannels({ url }, CLIENT), (error: { code?: string }) =>
        ['ERR_CONNECTION_LOST', 'ERR_UPGRADE_FAILURE'].includes(error.code ?? ''),
      );
    }
  });

  it('at the client, right behind the 101 and after it', async (t) => {
    const { url, connected } = await foreignServer(t);
    const client = await dialChannels({ url }, CLIENT);
    client.channel(0).write(Buffer.alloc(32 * 1024 * 1024));
    (await connected).terminate();
    const { kind } = await client.closed;
    assert.ok(kind === 'lost' || kind === 'ended', kind);
    client.channel(0).write('late');
    client.channel(0).end();
    await client.close();
  });

  it('during the closing handshake of either side', async (t) => {
    const { server, client } = await pair(t);
    const closing = server.close();
    client.destroy();
    await closing;
    await Promise.all([server.closed, client.closed]);
  });
});
