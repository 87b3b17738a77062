import { connect, type Socket } from 'node:net';
import type { PortForwardTransport } from '../../src/portforward/index.js';

const WEBSOCKET =
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ';

/** The headers of a request for each wire. */
export const HEADERS: Readonly<Record<PortForwardTransport, string>> = {
  spdy: 'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\n',
  tunnel: `${WEBSOCKET}SPDY/3.1+portforward.k8s.io\r\n`,
  websocket: `${WEBSOCKET}v4.channel.k8s.io\r\n`,
};

/** The head of a request for a wire. */
export function requestHead(url: string, wire: PortForwardTransport, more = ''): string {
  const { pathname, host } = new URL(url);
  const method = wire === 'spdy' ? 'POST' : 'GET';
  return `${method} ${pathname}?ports=80 HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\n${HEADERS[wire]}${more}\r\n`;
}

/** A bare connection to a server. */
export function connectTo(url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  return socket;
}

/** All that comes until the connection is closed. */
export async function everything(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString('latin1');
}
