import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { remoteCommandHandler } from '../../src/remotecommand/index.js';
import { listen, until } from '../conformance/remotecommand-server.js';

const QUERY = '?command=x&stdin=true&stdout=true';
const WS_HEADERS =
  'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n' +
  'Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n';
const SPDY_HEADERS = 'Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n';

const failures: unknown[] = [];
const remember = (error: unknown): void => void failures.push(error);
process.on('unhandledRejection', remember);
process.on('uncaughtException', remember);
after(() => {
  process.off('unhandledRejection', remember);
  process.off('uncaughtException', remember);
  assert.deepEqual(failures, []);
});

// reliability.md, row 17: an error on a socket that nobody listens to ends the process.
describe('security: remotecommand clients that reset the connection', () => {
  for (const [wire, headers] of [
    ['spdy', SPDY_HEADERS],
    ['websocket', WS_HEADERS],
    ['neither', 'Upgrade: other\r\n'],
  ] as const) {
    for (const [step, act] of Object.entries<(socket: Socket, head: string) => void>({
      'with the request': (socket, head) => socket.write(head, () => socket.resetAndDestroy()),
      'on the answer': (socket, head) => {
        socket.write(head);
        socket.once('data', () => socket.resetAndDestroy());
      },
      'behind half a frame': (socket, head) => {
        socket.write(head);
        socket.write(Buffer.of(0x80, 0x03, 0x00));
        socket.once('data', () => socket.write(Buffer.of(0x01, 0x00), () => socket.resetAndDestroy()));
      },
      'behind garbage': (socket, head) => {
        socket.write(head + '\xff'.repeat(1000));
        socket.once('data', () => setImmediate(() => socket.resetAndDestroy()));
      },
    })) {
      it(`${wire}: ${step}`, { timeout: 10_000 }, async () => {
        await using server = await listen(
          remoteCommandHandler(
            async ({ stdout, closed }) => {
              stdout?.write('hello');
              await closed;
              throw new Error('too late for anybody');
            },
            { creationTimeout: 50, drainTimeout: 50 },
          ),
        );
        const { port, pathname } = new URL(server.url);
        const socket = connect(Number(port), '127.0.0.1');
        socket.on('error', () => {});
        const method = wire === 'websocket' ? 'GET' : 'POST';
        act(socket, `${method} ${pathname}${QUERY} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${headers}\r\n`);
        await new Promise((resolve) => socket.once('close', resolve));
        await until(() => server.sockets.size === 0);
      });
    }
  }
});
