import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { portForward, portForwardHandler } from '../../src/portforward/index.js';
import { listenOn, withEcho } from '../conformance/portforward-support.js';
import { listen, until } from '../conformance/remotecommand-server.js';
import { connectTo, requestHead } from './portforward-support.js';

const failures: unknown[] = [];
const remember = (error: unknown): void => void failures.push(error);
process.on('unhandledRejection', remember);
process.on('uncaughtException', remember);
after(() => {
  process.off('unhandledRejection', remember);
  process.off('uncaughtException', remember);
  assert.deepEqual(failures, []);
});

const STEPS: Readonly<Record<string, (socket: Socket, head: string) => void>> = {
  'with the request': (socket, head) => socket.write(head, () => socket.resetAndDestroy()),
  'on the answer': (socket, head) => {
    socket.write(head);
    socket.once('data', () => socket.resetAndDestroy());
  },
  'behind half a frame': (socket, head) => {
    socket.write(head);
    socket.once('data', () => socket.write(Buffer.of(0x82, 0x80), () => socket.resetAndDestroy()));
  },
  'behind garbage': (socket, head) => {
    socket.write(head + '\xff'.repeat(1000));
    socket.once('data', () => setImmediate(() => socket.resetAndDestroy()));
  },
};

// reliability.md, row 17: an error on a socket that nobody listens to ends the process.
describe('security: port-forward sockets that are reset', () => {
  for (const wire of ['spdy', 'tunnel', 'websocket'] as const) {
    for (const [step, act] of Object.entries(STEPS)) {
      it(`${wire}: the client's, ${step}`, { timeout: 10_000 }, async () => {
        await withEcho(async (port, pods) => {
          await using server = await listen(portForwardHandler(() => connect(port, '127.0.0.1')));
          const socket = connectTo(server.url);
          act(socket, requestHead(server.url, wire));
          await new Promise((resolve) => socket.once('close', resolve));
          await until(() => server.sockets.size === 0 && pods.size === 0);
        });
      });
    }

    it(`${wire}: the pod's, at once and in the middle`, { timeout: 10_000 }, async () => {
      let count = 0;
      const pod = createServer((socket) => {
        socket.on('error', () => {});
        if (count++ % 2 === 0) socket.resetAndDestroy();
        else socket.write('some', () => setImmediate(() => socket.resetAndDestroy()));
      });
      const port = await listenOn(pod);
      await using server = await listen(portForwardHandler(() => connect(port, '127.0.0.1')));
      const errors: Error[] = [];
      await using forward = await portForward(server.url, ':80', {
        transport: wire,
        addresses: '127.0.0.1',
        onConnectionError: (error) => errors.push(error),
      });
      for (let attempt = 1; attempt <= 6; attempt++) {
        const socket = connect(forward.ports[0]?.localPort ?? 0, '127.0.0.1');
        socket.on('error', () => {}).resume();
        await new Promise((resolve) => socket.once('close', resolve));
        await until(() => errors.length === attempt);
        assert.match(errors.at(-1)?.message ?? '', /ECONNRESET/);
      }
      await until(() => forward.connections === 0);
      pod.close();
      await once(pod, 'close');
    });
  }

  it('what a dial returns is listened to at once', { timeout: 10_000 }, async () => {
    const handler = portForwardHandler(() => {
      const socket = connect(1, '127.0.0.1');
      process.nextTick(() => socket.destroy(new Error('in the very next tick')));
      return socket;
    });
    await using server = await listen(handler);
    await using forward = await portForward(server.url, ':80', { addresses: '127.0.0.1' });
    const socket = connect(forward.ports[0]?.localPort ?? 0, '127.0.0.1');
    const error = new Promise((resolve) => socket.once('error', resolve));
    assert.equal(((await error) as NodeJS.ErrnoException).code, 'ECONNRESET');
  });
});
