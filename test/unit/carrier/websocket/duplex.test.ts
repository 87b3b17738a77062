import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import { describe, it, type TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { dialWebSocketDuplex, webSocketDuplex } from '../../../../src/carrier/websocket/index.js';
import {
  ConnectionLostError,
  InvalidArgumentError,
  LimitExceededError,
  ProtocolError,
} from '../../../../src/errors/index.js';
import { VirtualClock } from '../../../../src/testing/index.js';
import { duplexPair, duplexServer, listen, readAll, readUntilError } from './duplex-support.js';

/** A foreign client (plain `ws`) on our server. */
async function foreignClient(t: TestContext, url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, ['plain'], { perMessageDeflate: false });
  socket.on('error', () => {});
  t.after(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

/** Without regard to errors, and without listening to them. */
function closed(stream: Duplex): Promise<void> {
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

describe('bytes', () => {
  for (const sizes of [[1], [0, 1, 0], [3, 70_000, 5, 5, 16_384, 2_000_000, 1]]) {
    it(`of writes of ${sizes.join(', ')} arrive both ways, in order`, async (t) => {
      const { client, server } = await duplexPair(t);
      for (const [from, to] of [
        [client.duplex, server.duplex],
        [server.duplex, client.duplex],
      ] as const) {
        const parts = sizes.map((size) => randomBytes(size));
        const sent = Buffer.concat(parts);
        const got: Buffer[] = [];
        let length = 0;
        const arrived = new Promise<void>((resolve) => {
          to.on('data', (chunk: Buffer) => {
            got.push(chunk);
            length += chunk.length;
            if (length === sent.length) resolve();
          });
        });
        for (const part of parts) from.write(part);
        await arrived;
        assert.ok(Buffer.concat(got).equals(sent));
      }
    });
  }

  it('small writes of a tick travel in one message, large ones are cut', async (t) => {
    const { url, accepted } = await duplexServer(t, { protocols: ['plain'] });
    const peer = await foreignClient(t, url);
    const { duplex } = await accepted;
    const lengths: number[] = [];
    let bytes = 0;
    const all = new Promise<void>((resolve) => {
      peer.on('message', (data: Buffer) => {
        lengths.push(data.length);
        bytes += data.length;
        if (bytes === 160_060) resolve();
      });
    });
    duplex.cork();
    for (let i = 0; i < 60; i++) duplex.write(Buffer.of(i));
    duplex.write(Buffer.alloc(160_000));
    duplex.uncork();
    await all;
    assert.deepEqual(lengths, [60, 65_536, 65_536, 28_928]);
  });

  it('a reader that is slow holds the writer back, and gets all', async (t) => {
    const { client, server } = await duplexPair(t);
    const block = Buffer.alloc(64 * 1024, 7);
    let written = 0;
    const write = (): void => {
      while (written < 64 * 1024 * 1024) {
        written += block.length;
        if (!client.duplex.write(block)) {
          client.duplex.once('drain', write);
          return;
        }
      }
      client.duplex.end();
    };
    write();
    let before = -1;
    // Until nothing moves any more.
    while (before !== written) {
      before = written;
      for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(written < 32 * 1024 * 1024, `${written} bytes went into the kernel`);
    assert.ok(server.duplex.readableLength <= 256 * 1024);
    let read = 0;
    for await (const chunk of server.duplex) read += (chunk as Buffer).length;
    assert.equal(read, 64 * 1024 * 1024);
  });
});

describe('end', () => {
  it('is an orderly end for the peer, whose own end follows', async (t) => {
    const { client, server } = await duplexPair(t);
    client.duplex.end('last words');
    assert.equal((await readAll(server.duplex)).toString(), 'last words');
    client.duplex.resume();
    await Promise.all([finished(client.duplex), finished(server.duplex)]);
  });

  it('from the server, likewise', async (t) => {
    const { client, server } = await duplexPair(t);
    server.duplex.end('last words');
    assert.equal((await readAll(client.duplex)).toString(), 'last words');
    server.duplex.resume();
    await Promise.all([finished(client.duplex), finished(server.duplex)]);
  });

  it('waits for the peer no longer than closeTimeout', async (t) => {
    const clock = new VirtualClock();
    const { url, accepted } = await duplexServer(t, { protocols: ['plain'], clock, limits: { closeTimeout: 3_000 } });
    const peer = await foreignClient(t, url);
    peer.pause();
    const { duplex } = await accepted;
    const failed = closed(duplex);
    duplex.resume();
    duplex.end();
    await new Promise((resolve) => setImmediate(resolve));
    clock.advance(2_999);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(duplex.destroyed, false);
    clock.advance(1);
    await failed;
    assert.ok(duplex.errored instanceof ConnectionLostError);
    assert.match(duplex.errored.message, /3000 ms/);
  });

  it('nothing is written behind the close, and the writer is told', async (t) => {
    const { client, server } = await duplexPair(t);
    client.duplex.end();
    client.duplex.resume();
    server.duplex.resume();
    await once(server.duplex, 'end');
    const error = await new Promise((resolve) => server.duplex.write('too late', resolve));
    assert.ok(error instanceof Error);
  });

  it('bytes that the peer has not read when it closes are an error for the writer', async (t) => {
    const { url, accepted } = await duplexServer(t, { protocols: ['plain'] });
    const peer = await foreignClient(t, url);
    const { duplex } = await accepted;
    const written = new Promise((resolve) => duplex.write(Buffer.alloc(64 * 1024 * 1024), resolve));
    peer.pause();
    await new Promise((resolve) => setImmediate(resolve));
    peer.close(1000);
    peer.terminate();
    duplex.resume();
    assert.ok((await written) instanceof ConnectionLostError);
  });

  for (const [code, role, orderly] of [
    [1000, 'client', true],
    [1001, 'client', true],
    [1011, 'client', false],
    [1000, 'server', true],
    [1001, 'server', false],
    [4000, 'server', false],
    [undefined, 'server', false],
  ] as const) {
    it(`a close with ${code ?? 'no code'} is ${orderly ? 'an' : 'no'} orderly end for a ${role}`, async (t) => {
      const { ours, peer } = role === 'server' ? await foreignPeer(t) : await foreignServer(t);
      peer.send(Buffer.from('before'));
      peer.close(code);
      if (orderly) {
        assert.equal((await readAll(ours)).toString(), 'before');
        assert.equal(ours.errored, null);
      } else {
        const { data, error } = await readUntilError(ours);
        assert.equal(data.toString(), 'before');
        assert.ok(error instanceof ConnectionLostError);
        assert.match(error.message, new RegExp(String(code ?? 1005)));
      }
    });
  }

  it('a lost socket is an error behind what had arrived', async (t) => {
    const { ours, peer } = await foreignPeer(t);
    peer.send(Buffer.from('before'), () => peer.terminate());
    const { data, error } = await readUntilError(ours);
    assert.equal(data.toString(), 'before');
    assert.ok(error instanceof ConnectionLostError);
  });

  for (const [name, act] of [
    ['writes', (ours: Duplex, done: (error: unknown) => void) => void ours.write('x', done)],
    ['ends', (ours: Duplex, done: (error: unknown) => void) => void ours.end(done)],
  ] as const) {
    it(`who only ${name} is told of a loss, though nobody reads what had arrived`, async (t) => {
      const { ours, peer } = await foreignPeer(t);
      peer.send(Buffer.from('unread'), () => peer.terminate());
      await once(peer, 'close');
      for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
      const told = new Promise((resolve) => act(ours, resolve));
      assert.ok((await told) instanceof Error);
      if (!ours.closed) await closed(ours);
      assert.ok(ours.errored instanceof ConnectionLostError);
    });
  }

  it('destroy drops the socket at once', async (t) => {
    const { client, server } = await duplexPair(t);
    client.duplex.destroy();
    const { error } = await readUntilError(server.duplex);
    assert.ok(error instanceof ConnectionLostError);
  });

  it('a failure that nobody listens to ends nothing', async (t) => {
    const { client, server } = await duplexPair(t);
    server.duplex.resume();
    client.duplex.destroy(new Error('reason'));
    await closed(server.duplex);
  });
});

describe('rules', () => {
  it('a text message is a ProtocolError, and the peer gets 1003', async (t) => {
    const { ours, peer } = await foreignPeer(t);
    peer.send('text');
    const { error } = await readUntilError(ours);
    assert.ok(error instanceof ProtocolError);
    const [code] = (await once(peer, 'close')) as [number];
    assert.equal(code, 1003);
  });

  it('a message at maxMessageBytes passes, one past it does not, and the peer gets 1009', async (t) => {
    const { ours, peer } = await foreignPeer(t, { maxMessageBytes: 100 });
    peer.send(Buffer.alloc(100));
    const [chunk] = (await once(ours, 'data')) as [Buffer];
    assert.equal(chunk.length, 100);
    peer.send(Buffer.alloc(101));
    const { error } = await readUntilError(ours);
    assert.ok(error instanceof LimitExceededError);
    assert.equal(error.limit, 'maxMessageBytes');
    const [code] = (await once(peer, 'close')) as [number];
    assert.equal(code, 1009);
  });

  it('answers pings', async (t) => {
    const { peer } = await foreignPeer(t);
    peer.ping('hello');
    const [payload] = (await once(peer, 'pong')) as [Buffer];
    assert.equal(payload.toString(), 'hello');
  });
});

describe('webSocketDuplex', () => {
  it('takes WebSockets made elsewhere, at both ends, with the limits that ws does not know', async (t) => {
    const server = new WebSocketServer({ noServer: true });
    const accepted = new Promise<WebSocket>((resolve) => {
      void listen(t, (req, socket, head) => server.handleUpgrade(req, socket, head, resolve)).then(({ url }) => {
        client = new WebSocket(url.replace('http', 'ws'));
      });
    });
    let client: WebSocket | undefined;
    const ours = webSocketDuplex(await accepted, { limits: { maxMessageBytes: 10 } });
    assert.ok(client !== undefined);
    if (client.readyState !== WebSocket.OPEN) await once(client, 'open');
    const theirs = webSocketDuplex(client);
    theirs.write('0123456789');
    const [chunk] = (await once(ours, 'data')) as [Buffer];
    assert.equal(chunk.toString(), '0123456789');
    theirs.resume();
    theirs.write('0123456789a');
    const { error } = await readUntilError(ours);
    assert.ok(error instanceof LimitExceededError);
    await closed(theirs);
    assert.match(theirs.errored?.message ?? '', /1009/);
  });

  it('refuses one that is not open', (t) => {
    const unopened = new WebSocket('ws://127.0.0.1:1/');
    unopened.on('error', () => {});
    t.after(() => unopened.terminate());
    assert.throws(() => webSocketDuplex(unopened), InvalidArgumentError);
  });
});

/** Our server's end, and a foreign client. */
async function foreignPeer(
  t: TestContext,
  limits: { maxMessageBytes?: number } = {},
): Promise<{ ours: Duplex; peer: WebSocket }> {
  const { url, accepted } = await duplexServer(t, { protocols: ['plain'], limits });
  const peer = await foreignClient(t, url);
  const { duplex } = await accepted;
  return { ours: duplex, peer };
}

/** Our client's end, and a foreign server. */
async function foreignServer(t: TestContext): Promise<{ ours: Duplex; peer: WebSocket }> {
  const server = new WebSocketServer({ noServer: true });
  let peer: WebSocket | undefined;
  const { url } = await listen(t, (req, socket, head) => {
    server.handleUpgrade(req, socket, head, (webSocket) => (peer = webSocket));
  });
  const { duplex } = await dialWebSocketDuplex({ url }, { protocols: ['plain'] });
  t.after(() => duplex.destroy());
  assert.ok(peer !== undefined);
  return { ours: duplex, peer };
}
