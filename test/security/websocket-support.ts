import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** A request that our server accepts. */
export const HANDSHAKE: string =
  'GET /exec HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n';

/** One frame as clients send it, with a mask of zeros. */
export function clientFrame(opcode: number, payload: Buffer, fin = true): Buffer {
  const first = (fin ? 0x80 : 0) | opcode;
  const head =
    payload.length < 126
      ? Buffer.of(first, 0x80 | payload.length, 0, 0, 0, 0)
      : Buffer.of(first, 0xfe, payload.length >> 8, payload.length & 0xff, 0, 0, 0, 0);
  return Buffer.concat([head, payload]);
}

/** A bare TCP client whose handshake our server has accepted. */
export async function rawClient(t: TestContext, port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  socket.write(HANDSHAKE);
  await once(socket, 'data');
  return socket;
}
