import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex, Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import {
  acceptChannels,
  dialChannels,
  type AcceptChannelsOptions,
  type ChannelConnection,
  type ChannelMode,
  type ChannelOptions,
} from '../../src/websocket/index.js';

export const V5 = 'v5.channel.k8s.io';
export const V4 = 'v4.channel.k8s.io';
/** stdin, stdout, stderr, error, resize: as a server sees them, and as a client does. */
export const SERVER_MODES: readonly ChannelMode[] = ['read', 'write', 'write', 'write', 'read'];
export const CLIENT_MODES: readonly ChannelMode[] = ['write', 'read', 'read', 'read', 'write'];

export const SERVER: AcceptChannelsOptions = {
  protocols: [V5, V4, 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'],
  channels: SERVER_MODES,
};
export const CLIENT: ChannelOptions = { protocols: [V5], channels: CLIENT_MODES };

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
  return { url: `http://127.0.0.1:${port}/exec`, port, server };
}

/** Our server; `accepted` gives its first connection, or the error of the first refusal. */
export async function channelServer(
  t: TestContext,
  options: Partial<AcceptChannelsOptions> = {},
): Promise<{ readonly url: string; readonly port: number; readonly accepted: Promise<ChannelConnection> }> {
  let settle: (connection: Promise<ChannelConnection>) => void;
  const accepted = new Promise<ChannelConnection>((resolve) => {
    settle = resolve;
  });
  accepted.catch(() => {});
  const { url, port } = await listen(t, (req, socket, head) => {
    const attempt = acceptChannels(req, socket, head, { ...SERVER, ...options });
    attempt.catch(() => {});
    settle(attempt);
  });
  return { url, port, accepted };
}

/** Our client and our server, connected. */
export async function pair(
  t: TestContext,
  serverOptions: Partial<AcceptChannelsOptions> = {},
  clientOptions: Partial<ChannelOptions> = {},
): Promise<{ readonly server: ChannelConnection; readonly client: ChannelConnection }> {
  const { url, accepted } = await channelServer(t, serverOptions);
  const client = await dialChannels({ url }, { ...CLIENT, ...clientOptions });
  const server = await accepted;
  t.after(() => {
    client.destroy();
    server.destroy();
  });
  return { server, client };
}

/** A foreign client (plain `ws`) on our server. */
export async function foreignClient(
  t: TestContext,
  url: string,
  protocols: readonly string[] = [V5],
): Promise<WebSocket> {
  const socket = new WebSocket(url, [...protocols], { perMessageDeflate: false });
  socket.on('error', () => {});
  t.after(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

/** A foreign server (plain `ws`) that speaks the first protocol offered, or `protocol`. */
export async function foreignServer(
  t: TestContext,
  options: { readonly protocol?: string | false; readonly autoPong?: boolean } = {},
): Promise<{ readonly url: string; readonly connected: Promise<WebSocket> }> {
  const { protocol, autoPong = true } = options;
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    autoPong,
    handleProtocols: (offered) => protocol ?? [...offered][0] ?? false,
  });
  await once(server, 'listening');
  const connected = new Promise<WebSocket>((resolve) => {
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      resolve(socket);
    });
  });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, connected };
}

/** All of a stream, up to its end. */
export async function readAll(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** What came before the stream failed, and the error. */
export async function readUntilError(stream: Readable): Promise<{ readonly data: Buffer; readonly error: unknown }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of stream) chunks.push(chunk as Buffer);
  } catch (error) {
    return { data: Buffer.concat(chunks), error };
  }
  throw new Error('the stream ended in good order');
}

/** Waits until `condition` holds, looking once per turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}
