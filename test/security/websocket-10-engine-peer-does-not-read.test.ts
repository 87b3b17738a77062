// Row 10: the peer does not read, and what we owe it piles up; here below an engine.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import {
  acceptWebSocketDuplex,
  dialWebSocketDuplex,
  type AcceptWebSocketDuplexOptions,
} from '../../src/carrier/websocket/index.js';
import { ConnectionLostError } from '../../src/errors/index.js';
import { VirtualClock } from '../../src/testing/index.js';
import { WebSocketRoundTripper } from '../../src/websocket/index.js';
import { data, FrameFactory } from '../support/frames.js';
import { GOOD_LINES, engineServer, rawEngineClient, request } from './websocket-engine-support.js';
import { clientFrame } from './websocket-support.js';

const MIB = 1024 * 1024;
const KIB = 1024;

interface Held {
  readonly duplex: Duplex;
  /** The socket beneath. */
  readonly carrier: Duplex;
  readonly peer: Socket;
}

/** Our server's end of a byte stream whose peer reads nothing behind the handshake. */
async function heldServer(t: TestContext, options: Partial<AcceptWebSocketDuplexOptions> = {}): Promise<Held> {
  const server = createServer();
  const accepted = new Promise<Omit<Held, 'peer'>>((resolve, reject) => {
    server.on('upgrade', (req, carrier, head) => {
      const accepting = acceptWebSocketDuplex(req, carrier, head, { protocols: ['spdy.3.1'], ...options });
      accepting.then(({ duplex }) => resolve({ duplex, carrier }), reject);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { socket: peer } = await request(t, (server.address() as AddressInfo).port, GOOD_LINES);
  peer.pause();
  const ends = await accepted;
  t.after(() => ends.duplex.destroy());
  return { ...ends, peer };
}

/** Lets what can move, move; the most that was queued in the socket on the way. */
async function mostQueued(carrier: Duplex, turns = 200): Promise<number> {
  let most = carrier.writableLength;
  for (let i = 0; i < turns; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    most = Math.max(most, carrier.writableLength);
  }
  return most;
}

describe('a peer that does not read, below an engine', () => {
  it('cannot make a server queue what one write holds', async (t) => {
    const { carrier, duplex } = await heldServer(t);
    duplex.write(Buffer.alloc(64 * MIB));
    const most = await mostQueued(carrier);
    assert.ok(most > 0 && most <= 512 * KIB, `${most} bytes queued`);
  });

  it('nor a client, which has to copy what it masks', async (t) => {
    const server = createServer();
    const peers: Duplex[] = [];
    server.on('upgrade', (req, socket, head) => {
      peers.push(socket);
      void acceptWebSocketDuplex(req, socket, head, { protocols: ['spdy.3.1'] });
      socket.pause();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    let carrier: Socket | undefined;
    const dialer = async (): Promise<Duplex> => {
      carrier = connect(port, '127.0.0.1');
      await once(carrier, 'connect');
      return carrier;
    };
    const dialled = dialWebSocketDuplex({ url: `http://127.0.0.1:${port}/`, dialer }, { protocols: ['spdy.3.1'] });
    const { duplex } = await dialled;
    t.after(() => {
      duplex.destroy();
      for (const peer of peers) peer.destroy();
      server.close();
    });
    duplex.write(Buffer.alloc(64 * MIB));
    assert.ok(carrier !== undefined);
    const most = await mostQueued(carrier);
    assert.ok(most > 0 && most <= 512 * KIB, `${most} bytes queued`);
  });

  it('cannot make us queue pongs', async (t) => {
    const { carrier, duplex, peer } = await heldServer(t);
    duplex.write(Buffer.alloc(64 * MIB));
    await mostQueued(carrier);
    const before = carrier.writableLength;
    const ping = clientFrame(0x9, Buffer.alloc(125, 1));
    // A message behind the pings proves that all were read.
    peer.write(Buffer.concat([...Array.from({ length: 5_000 }, () => ping), clientFrame(0x2, Buffer.from('done'))]));
    const [chunk] = (await once(duplex, 'data')) as [Buffer];
    assert.equal(chunk.toString(), 'done');
    assert.ok(carrier.writableLength <= before + 2 * 131, `${carrier.writableLength} bytes queued`);
  });

  it('is dropped after the write timeout; its neighbour does not notice', async (t) => {
    const clock = new VirtualClock();
    const server = await engineServer(t, { clock, pingPeriod: 0 });
    const { connection: neighbour } = await new WebSocketRoundTripper({ pingPeriod: 0 }).dial({ url: server.url });
    await server.next();
    const peer = await rawEngineClient(t, server.port);
    peer.pause();
    const connection = await server.next();
    const frames = new FrameFactory();
    peer.write(clientFrame(0x2, frames.synStream(1)));
    // Echoed into a socket that nobody empties.
    const block = clientFrame(0x2, data(1, Buffer.alloc(32 * KIB)));
    const state = { over: false };
    void connection.closed.then(() => (state.over = true));
    const flooding = setInterval(() => {
      if (peer.writableLength < MIB) for (let i = 0; i < 32; i++) peer.write(block);
    }, 1);
    t.after(() => clearInterval(flooding));
    const stream = await neighbour.createStream({});
    stream.end('still here');
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.equal(Buffer.concat(chunks).toString(), 'still here');
    while (!state.over) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    clearInterval(flooding);
    const reason = await connection.closed;
    assert.equal(reason.kind, 'lost');
    assert.ok(reason.error instanceof ConnectionLostError);
    void neighbour.close();
    for (let i = 0; i < 50; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      clock.advance(1_000);
    }
    await neighbour.closed;
  });
});
