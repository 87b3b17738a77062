import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import type { ConnectionOptions } from '../../src/mux/options.js';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../src/spdy/index.js';
import { duplexPair, type ComplianceFactory, type Slicer } from '../../src/testing/index.js';
import { engineFactory } from './engine-pairs.js';

/** Two ends of a byte stream, and how to take down what carries it. */
export interface Carrier {
  readonly client: Duplex;
  readonly server: Duplex;
  stop(): Promise<void>;
}

export async function memoryCarrier(): Promise<Carrier> {
  const [client, server] = duplexPair();
  return await Promise.resolve({ client, server, stop: async () => {} });
}

export async function tcpCarrier(): Promise<Carrier> {
  const listener = createServer({ allowHalfOpen: true });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const accepted = once(listener, 'connection') as Promise<[Socket]>;
  const client = connect({ port: address.port, host: '127.0.0.1', allowHalfOpen: true });
  await once(client, 'connect');
  const [server] = await accepted;
  client.setNoDelay(true);
  server.setNoDelay(true);
  return {
    client,
    server,
    stop: async () => {
      listener.close();
      await once(listener, 'close');
    },
  };
}

/** SPDY over a carrier whose bytes are cut by `slicer` in both directions. */
export function spdyFactory(carrier: () => Promise<Carrier>, slicer: (side: number) => Slicer): ComplianceFactory {
  return engineFactory({ client: newSpdyClientConnection, server: newSpdyServerConnection }, carrier, slicer);
}

/** A server's end of SPDY, and the bare other end, for tests that speak frames. */
export function rawClient(
  handler: NewStreamHandler,
  options: ConnectionOptions = {},
): { connection: Connection; peer: Duplex; received: () => Buffer } {
  const [peer, ours] = duplexPair();
  const chunks: Buffer[] = [];
  peer.on('data', (chunk: Buffer) => chunks.push(chunk));
  peer.on('error', () => {});
  peer.on('end', () => peer.end());
  const connection = newSpdyServerConnection(ours, handler, { pingPeriod: 0, ...options });
  return { connection, peer, received: () => Buffer.concat(chunks) };
}
