import { once } from 'node:events';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';

/** What a test puts behind an HTTP server. */
export interface Handlers {
  readonly handleRequest?: (req: IncomingMessage, res: ServerResponse) => void;
  readonly handleUpgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** An HTTP server on loopback. */
export interface Front {
  readonly url: string;
  readonly port: number;
  /** Connections that are open. */
  readonly sockets: ReadonlySet<Socket>;
}

/** Starts an HTTP server that goes away with the test, sockets included. */
export async function serve(t: TestContext, { handleRequest, handleUpgrade }: Handlers): Promise<Front> {
  const sockets = new Set<Socket>();
  const server = createHttpServer({ keepAliveTimeout: 0 }, handleRequest ?? ((_req, res) => res.writeHead(404).end()));
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  if (handleUpgrade !== undefined) server.on('upgrade', handleUpgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, sockets };
}

/** One connection to a {@link RawBackend}. */
export interface RawConnection {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  /** What came behind the request's header. */
  behind(): string;
  /** Whether the other side ended or cut it. */
  over(): boolean;
}

/** A backend that sees bytes. */
export interface RawBackend {
  readonly url: string;
  readonly port: number;
  readonly connections: readonly RawConnection[];
}

/** Starts a TCP server; `answer` is called once per connection, when the header of its request is there. */
export async function rawBackend(t: TestContext, answer: (connection: RawConnection) => void): Promise<RawBackend> {
  const connections: RawConnection[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let received = '';
    let over = false;
    let answered = false;
    const connection: RawConnection = {
      socket,
      text: () => received,
      behind: () => received.slice(received.indexOf('\r\n\r\n') + 4),
      over: () => over,
    };
    connections.push(connection);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1');
      if (answered || !received.includes('\r\n\r\n')) return;
      answered = true;
      answer(connection);
    });
    const gone = (): void => {
      over = true;
    };
    socket.on('end', gone).on('close', gone);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const { socket } of connections) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, connections };
}

/** A client that sends bytes as they are. */
export interface RawClient {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  /** Resolves with all that came once the server closed. */
  readonly closed: Promise<string>;
  /** Resolves once this has come. */
  received(part: string): Promise<string>;
}

/** Connects and sends `text`. */
export async function rawClient(t: TestContext, port: number, text: string | Buffer): Promise<RawClient> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  const closed = new Promise<string>((resolve) => {
    socket.on('end', () => {
      socket.end();
      resolve(received);
    });
    socket.on('close', () => resolve(received));
  });
  await once(socket, 'connect');
  socket.write(text);
  return {
    socket,
    text: () => received,
    closed,
    received: async (part) => {
      await until(() => received.includes(part));
      return received;
    },
  };
}

/** The header of an upgrade request. */
export function upgradeText(fields: Readonly<Record<string, string>> = {}, line = 'GET /exec HTTP/1.1'): string {
  const all = { Host: 'proxy.test', Connection: 'Upgrade', Upgrade: 'SPDY/3.1', ...fields };
  return `${line}\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')}\r\n`;
}

/** A backend's 101. */
export const SWITCHING = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';

/** Status code and body of a whole response. */
export function parseResponse(text: string): { readonly code: number; readonly head: string; readonly body: string } {
  const end = text.indexOf('\r\n\r\n');
  return { code: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end + 4) };
}

/** The message of a Status in a whole response. */
export function statusMessage(text: string): string {
  return (JSON.parse(parseResponse(text).body) as { message: string }).message;
}

/** Waits until `condition` holds, looking once per turn of the event loop; the test's own deadline ends a wait in vain. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Lets everything happen that is under way on loopback: a few round trips of the event loop and the kernel. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 2));
}
