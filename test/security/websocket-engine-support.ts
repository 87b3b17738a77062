import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { Connection, NewStreamHandler } from '../../src/httpstream/index.js';
import {
  WebSocketResponseUpgrader,
  type EngineSubprotocol,
  type WebSocketUpgraderOptions,
} from '../../src/websocket/index.js';

/** Lines that a server of engines accepts. */
export const GOOD_LINES: readonly string[] = [
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: spdy.3.1',
];

/** A server of engines, and its connections in the order in which they came. */
export interface EngineServer {
  readonly url: string;
  readonly port: number;
  /** The next connection that is accepted. */
  next(): Promise<Connection>;
}

export async function engineServer(
  t: TestContext,
  options: WebSocketUpgraderOptions = {},
  handler: NewStreamHandler = (stream) => void stream.pipe(stream),
): Promise<EngineServer> {
  const upgrader = new WebSocketResponseUpgrader(options);
  const sockets = new Set<Socket>();
  const ready: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  const server = createServer();
  server.on('connection', (socket) => sockets.add(socket));
  server.on('upgrade', (req, socket, head) => {
    const connection = upgrader.upgradeResponse(req, socket, head, handler);
    if (connection === undefined) return;
    const take = waiting.shift();
    if (take === undefined) ready.push(connection);
    else take(connection);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    port,
    next: () => {
      const connection = ready.shift();
      if (connection !== undefined) return Promise.resolve(connection);
      return new Promise((resolve) => waiting.push(resolve));
    },
  };
}

/** Sends a request head as it stands; resolves with the head of the answer. */
export async function request(
  t: TestContext,
  port: number,
  lines: readonly string[],
  method = 'GET',
): Promise<{ readonly socket: Socket; readonly answer: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  socket.write(`${method} / HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const [data] = (await once(socket, 'data')) as [Buffer];
  return { socket, answer: data.toString('latin1') };
}

/** A bare TCP client whose WebSocket our server has accepted, for an engine. */
export async function rawEngineClient(
  t: TestContext,
  port: number,
  protocol: EngineSubprotocol = 'spdy.3.1',
): Promise<Socket> {
  const lines = GOOD_LINES.map((line) =>
    line.startsWith('Sec-WebSocket-Protocol') ? `Sec-WebSocket-Protocol: ${protocol}` : line,
  );
  const { answer, socket } = await request(t, port, lines);
  if (!answer.startsWith('HTTP/1.1 101 ')) throw new Error(answer);
  return socket;
}
