import { setImmediate as nextTurn } from 'node:timers/promises';
import { connectWebSocket, type BrowserConnection, type ConnectWebSocketOptions } from '../../../src/browser/index.js';
import type { Connection, NewStreamHandler } from '../../../src/httpstream/index.js';
import { newYamuxServerConnection, type YamuxConnectionOptions } from '../../../src/yamux/index.js';
import { fakeWebSockets, type FakeWebSocket } from './fake-web-socket.js';

/** A page's connection, the server's end of it, and the WebSocket between. */
export interface Pair {
  readonly page: BrowserConnection;
  readonly server: Connection;
  readonly socket: FakeWebSocket;
}

/** What a test gives {@link withPage}. */
export interface PairSetup {
  readonly handler?: NewStreamHandler;
  readonly page?: ConnectWebSocketOptions;
  readonly server?: YamuxConnectionOptions;
}

/** Sends back what it gets. */
const echo: NewStreamHandler = (stream) => void stream.pipe(stream);

/** Connects through a fake WebSocket, and takes all down afterwards. */
export async function withPage(setup: PairSetup, run: (pair: Pair) => Promise<void>): Promise<void> {
  let socket: FakeWebSocket | undefined;
  const webSocket = fakeWebSockets((made) => {
    socket = made;
    setImmediate(() => made.open());
  });
  const page = await connectWebSocket('ws://server.example/streams', { pingPeriod: 0, ...setup.page, webSocket });
  if (socket === undefined) throw new Error('no WebSocket was made');
  const server = newYamuxServerConnection(socket.peer, setup.handler ?? echo, { pingPeriod: 0, ...setup.server });
  try {
    await run({ page, server, socket });
  } finally {
    socket.closes(1006, '', false);
    socket.peer.destroy();
    await Promise.all([page.closed, server.closed]);
  }
}

/** All bytes up to an orderly end. Rejects with the stream's error. */
export async function readAll(readable: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readable) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Writes and closes. */
export async function writeAll(writable: WritableStream<Uint8Array>, bytes: Uint8Array): Promise<void> {
  const writer = writable.getWriter();
  await writer.write(bytes);
  await writer.close();
}

/** Waits, turn by turn of the event loop, until `condition` holds; the test's own timeout ends it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await nextTurn();
}

/** Lets what is under way come to rest. */
export async function turns(count = 20): Promise<void> {
  for (let i = 0; i < count; i++) await nextTurn();
}
