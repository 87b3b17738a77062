import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { UpgradeRequest } from '../../src/index.js';
import { SpdyResponseUpgrader, SpdyRoundTripper } from '../../src/spdy/index.js';
import { acceptChannels, dialChannels } from '../../src/websocket/index.js';

/** Over what a tunnel is used: the two wires share all that is dialled. */
export const WIRES = ['spdy', 'websocket'] as const;
export type Wire = (typeof WIRES)[number];

const CHANNELS = ['duplex'] as const;
const PROTOCOL = 'v5.channel.k8s.io';

/** A server that sends back what comes on a stream, over SPDY or in channel 0 of a WebSocket. Goes away with the test. */
export async function startEchoServer(
  t: TestContext,
  tls?: ServerOptions,
): Promise<{ readonly port: number; readonly hosts: string[] }> {
  const server: Server = tls === undefined ? createHttpServer() : (createHttpsServer(tls) as Server);
  const hosts: string[] = [];
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  server.on('upgrade', (req, socket, head) => {
    hosts.push(req.headers.host ?? '');
    if (req.headers.upgrade === 'websocket') {
      acceptChannels(req, socket, head, { protocols: [PROTOCOL], channels: CHANNELS }).then(
        (connection) => void connection.channel(0).pipe(connection.channel(0)),
        () => {},
      );
    } else {
      new SpdyResponseUpgrader({ pingPeriod: 0 }).upgradeResponse(
        req,
        socket,
        head,
        (stream) => void stream.pipe(stream),
      );
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, hosts };
}

/** Dials and checks that bytes come back; rejects with what dialling threw. */
export async function checkEcho(wire: Wire, request: UpgradeRequest): Promise<void> {
  const text = 'over the wire'.repeat(5000);
  if (wire === 'spdy') {
    const { connection } = await new SpdyRoundTripper({ pingPeriod: 0 }).dial(request);
    const stream = await connection.createStream({});
    stream.end(text);
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    assert.equal(Buffer.concat(chunks).toString(), text);
    await connection.close();
  } else {
    const connection = await dialChannels(request, { protocols: [PROTOCOL], channels: CHANNELS, heartbeat: false });
    const channel = connection.channel(0);
    channel.write(text);
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of channel) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length >= text.length) break;
    }
    assert.equal(Buffer.concat(chunks).toString(), text);
    await connection.close();
  }
}

/** The error with which dialling fails; fails when it succeeds. */
export async function failureOf(wire: Wire, request: UpgradeRequest): Promise<Error & Record<string, unknown>> {
  try {
    await checkEcho(wire, request);
  } catch (error) {
    assert.ok(error instanceof Error);
    if (!('code' in error) || error.code !== 'ERR_ASSERTION') return error as Error & Record<string, unknown>;
    throw error;
  }
  throw new Error('dialling did not fail');
}
