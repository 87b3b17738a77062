import { once } from 'node:events';
import { IncomingMessage } from 'node:http';
import { Socket, connect, createServer, type AddressInfo, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Duplex } from 'node:stream';
import { duplexPair, VirtualClock } from '../../src/testing/index.js';
import { resolveSettings, type PortForwardHandlerOptions } from '../../src/portforward/settings.js';
import { StreamSession } from '../../src/portforward/serve-streams.js';
import type { DialPort } from '../../src/portforward/index.js';
import type { Connection, Stream } from '../../src/httpstream/index.js';
import { newSpdyClientConnection, newSpdyServerConnection } from '../../src/spdy/index.js';
import { spdyByHand, type UpgradeHandler } from './remotecommand-server.js';

/** Why tests of `::1` are left out, where they have to be. */
export const withoutIPv6: string | false = Object.values(networkInterfaces()).some((list = []) =>
  list.some(({ address }) => address === '::1'),
)
  ? false
  : 'no ::1';

export async function listenOn(server: Server, host = '127.0.0.1'): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** Runs `test` with the port of a server that sends everything back, and its end after the client's. */
export async function withEcho(test: (port: number, sockets: ReadonlySet<Socket>) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.pipe(socket);
  });
  const port = await listenOn(server);
  try {
    await test(port, sockets);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  }
}

/** Sends `text` to a local port, ends, and collects what comes back and the code of the error, if it ends in one. */
export function answerOf(port: number, text: string): Promise<{ text: string; error: string | undefined }> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    let received = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (received += chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ text: received, error: error.code }));
    socket.on('end', () => resolve({ text: received, error: undefined }));
    socket.end(text);
  });
}

/** A server that fails every connection as the original does: text, then resets; or refuses the data stream, with text; or the error stream. */
export function forwardByHand(how: 'text' | 'refuse' | 'refuse-error'): UpgradeHandler {
  let error: Stream | undefined;
  return spdyByHand((type, stream) => {
    if (type === 'error') {
      error = stream;
      if (how === 'refuse-error') throw new Error('no');
      return;
    }
    if (how === 'refuse-error') return;
    if (how === 'refuse') stream.refuse();
    setImmediate(() => {
      error?.end('error: boom', () => error?.reset());
      stream.reset();
    });
  }, 'portforward.k8s.io');
}

/** A port-forward server in memory, as a client on SPDY sees it. */
export interface MemoryForward {
  readonly client: Connection;
  readonly server: Connection;
  readonly clock: VirtualClock;
  /** Opens a stream, as a client without our header does unless given. */
  open(type: string | undefined, port: string | undefined, id?: string, more?: Record<string, string>): Promise<Stream>;
}

/** Serves `dial` over SPDY in memory, on a virtual clock. */
export function forwardInMemory(dial: DialPort, options: PortForwardHandlerOptions = {}): MemoryForward {
  const clock = new VirtualClock();
  const [left, right] = duplexPair();
  const settings = resolveSettings(dial, { clock, ...options });
  const session = new StreamSession(new IncomingMessage(new Socket()), settings);
  const { limits, stallTimeout } = settings;
  const server = newSpdyServerConnection(right, session.handle, {
    clock,
    limits,
    pingPeriod: 0,
    stallPolicy: { resetAfter: stallTimeout },
  });
  session.attach(server);
  const client = newSpdyClientConnection(left, { clock, pingPeriod: 0 });
  return {
    client,
    server,
    clock,
    open: (streamType, port, requestID, more = {}) => client.createStream({ streamType, port, requestID, ...more }),
  };
}

/** All that a stream gives until its end; what it failed with, if it did. */
export async function textOf(stream: Duplex): Promise<{ text: string; error: Error | undefined }> {
  let text = '';
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return await new Promise((resolve) => {
    stream.once('end', () => resolve({ text, error: undefined }));
    stream.once('close', () => resolve({ text, error: stream.errored ?? undefined }));
    if (stream.destroyed) resolve({ text, error: stream.errored ?? undefined });
  });
}
