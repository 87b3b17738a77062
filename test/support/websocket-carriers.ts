import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { acceptWebSocketDuplex, dialWebSocketDuplex } from '../../src/carrier/websocket/index.js';
import { FaultyDuplex, duplexPair, type Slicer } from '../../src/testing/index.js';

const PROTOCOLS = ['engine.v1'];

// A message may come in 16,384 chunks: too few for 64 KiB that arrive byte by byte.
const OPTIONS = { protocols: PROTOCOLS, limits: { maxDataFrameOut: 8 * 1024 } };

/** What carries an engine under test, and how it breaks. */
export interface BreakableCarrier {
  readonly client: Duplex;
  readonly server: Duplex;
  /** Breaks the sockets beneath, without an end. */
  cut(): void;
  /** Lets all bytes vanish from now on. */
  vanish(): void;
  stop(): Promise<void>;
}

/**
 * A WebSocket over loopback; the bytes beneath it, frame headers and all, are cut by `slicer` in both directions. `side` is
 * 0 for what the client reads and 1 for what the server reads.
 */
export async function webSocketOverTcp(slicer: (side: number) => Slicer): Promise<BreakableCarrier> {
  const sockets: FaultyDuplex[] = [];
  const server = createServer();
  const accepted = new Promise<Duplex>((resolve, reject) => {
    server.on('upgrade', (req, socket, head) => {
      const right = new FaultyDuplex(socket, { slicer: slicer(1) });
      sockets.push(right);
      acceptWebSocketDuplex(req, right, head, { protocols: PROTOCOLS }).then(({ duplex }) => resolve(duplex), reject);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { duplex: client } = await dialWebSocketDuplex(
    {
      url: `http://127.0.0.1:${port}/`,
      dialer: async () => {
        const socket = connect({ port, host: '127.0.0.1' });
        await once(socket, 'connect');
        socket.setNoDelay(true);
        const left = new FaultyDuplex(socket, { slicer: slicer(0) });
        sockets.push(left);
        return left;
      },
    },
    { protocols: PROTOCOLS },
  );
  return { client, server: await accepted, ...faults(sockets), stop: () => stopped(server) };
}

/** The same in memory. */
export async function webSocketInMemory(slicer: (side: number) => Slicer): Promise<BreakableCarrier> {
  const [near, far] = duplexPair();
  const left = new FaultyDuplex(near, { slicer: slicer(0) });
  const right = new FaultyDuplex(far, { slicer: slicer(1) });
  const server = createServer();
  const accepted = new Promise<Duplex>((resolve, reject) => {
    server.on('upgrade', (req, socket, head) => {
      acceptWebSocketDuplex(req, socket, head, OPTIONS).then(({ duplex }) => resolve(duplex), reject);
    });
  });
  server.emit('connection', right);
  const dialled = dialWebSocketDuplex({ url: 'http://memory/', dialer: () => Promise.resolve(left) }, OPTIONS);
  const { duplex: client } = await dialled;
  return { client, server: await accepted, ...faults([left, right]), stop: () => Promise.resolve() };
}

function faults(sockets: readonly FaultyDuplex[]): Pick<BreakableCarrier, 'cut' | 'vanish'> {
  return {
    cut: () => {
      for (const socket of sockets) socket.reset();
    },
    vanish: () => {
      for (const socket of sockets) socket.lose();
    },
  };
}

async function stopped(server: Server): Promise<void> {
  server.close();
  await once(server, 'close');
}
