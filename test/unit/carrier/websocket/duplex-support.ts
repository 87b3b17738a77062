import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TestContext } from 'node:test';
import {
  acceptWebSocketDuplex,
  dialWebSocketDuplex,
  type AcceptedDuplex,
  type AcceptWebSocketDuplexOptions,
  type DialledDuplex,
  type DialWebSocketDuplexOptions,
} from '../../../../src/carrier/websocket/index.js';

/** A name that is no RFC token. */
export const TUNNEL = 'SPDY/3.1+portforward.k8s.io';

/** An HTTP server on a free port that goes away with the test, sockets included. */
export async function listen(
  t: TestContext,
  onUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<{ readonly url: string; readonly port: number; readonly server: Server }> {
  const sockets = new Set<Socket>();
  const server = createServer((_req, res) => res.writeHead(404).end());
  server.on('connection', (socket) => sockets.add(socket));
  server.on('upgrade', onUpgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, port, server };
}

/** Our server; `accepted` settles with its first connection. */
export async function duplexServer(
  t: TestContext,
  options: Partial<AcceptWebSocketDuplexOptions> = {},
): Promise<{ readonly url: string; readonly port: number; readonly accepted: Promise<AcceptedDuplex> }> {
  let settle: (attempt: Promise<AcceptedDuplex>) => void = () => {};
  const accepted = new Promise<AcceptedDuplex>((resolve) => {
    settle = resolve;
  });
  accepted.catch(() => {});
  const { url, port } = await listen(t, (req, socket, head) => {
    const attempt = acceptWebSocketDuplex(req, socket, head, { protocols: [TUNNEL], ...options });
    attempt.catch(() => {});
    settle(attempt);
  });
  return { url, port, accepted };
}

/** Both our ends, connected. */
export async function duplexPair(
  t: TestContext,
  serverOptions: Partial<AcceptWebSocketDuplexOptions> = {},
  clientOptions: Partial<DialWebSocketDuplexOptions> = {},
): Promise<{ readonly client: DialledDuplex; readonly server: AcceptedDuplex }> {
  const { url, accepted } = await duplexServer(t, serverOptions);
  const client = await dialWebSocketDuplex({ url }, { protocols: [TUNNEL], ...clientOptions });
  const server = await accepted;
  t.after(() => {
    client.duplex.destroy();
    server.duplex.destroy();
  });
  return { client, server };
}

/** All of a stream, up to its end. */
export async function readAll(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What came before the stream failed, and the error. */
export async function readUntilError(stream: Duplex): Promise<{ readonly data: Buffer; readonly error: unknown }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    return { data: Buffer.concat(chunks), error };
  }
  throw new Error('the stream ended in good order');
}
