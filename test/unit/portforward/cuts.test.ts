// Connections to the server that are cut anywhere: whatever comes through comes whole, or is seen to have failed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { portForward, portForwardHandler } from '../../../src/portforward/index.js';
import { seededRandom } from '../../../src/testing/index.js';
import { listenOn } from '../../conformance/portforward-support.js';
import { listen, until } from '../../conformance/remotecommand-server.js';

const SIZE = 200_000;
const SEED = 7;

/** How a download ended, with its bytes. Node takes a reset behind the last bytes for an end; a write tells. */
function download(port: number): Promise<{ ended: boolean; bytes: number }> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length));
    socket.on('error', () => resolve({ ended: false, bytes }));
    socket.once('end', () => socket.write(Buffer.alloc(0), (error) => error ?? resolve({ ended: true, bytes })));
  });
}

/** A proxy that cuts each connection after a random number of bytes from the server, in one of three ways. */
function cutter(backend: number, random: () => number): { server: Server; sockets: Set<Socket>; cuts: () => number } {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(backend, '127.0.0.1');
    const both = [client, upstream];
    for (const socket of both) {
      sockets.add(socket);
      socket
        .on('error', () => {})
        .on('close', () => {
          sockets.delete(socket);
          for (const other of both) other.destroy();
        });
    }
    let left = Math.floor(random() * 10 * SIZE);
    const way = Math.floor(random() * 3);
    client.on('data', (chunk: Buffer) => upstream.write(chunk));
    upstream.on('data', (chunk: Buffer) => {
      if (left <= 0) return;
      client.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      cuts++;
      if (way === 0) client.resetAndDestroy();
      else if (way === 1) client.end();
      else upstream.resetAndDestroy();
    });
  });
  return { server, sockets, cuts: () => cuts };
}

describe('a connection to the server that is cut anywhere', () => {
  for (const transport of ['tunnel', 'spdy', 'websocket'] as const) {
    it(`${transport}: no download is cut short unseen`, { timeout: 30_000 }, async () => {
      const pod = createServer((socket) => socket.on('error', () => {}).end(Buffer.alloc(SIZE)));
      const podPort = await listenOn(pod);
      await using server = await listen(portForwardHandler(() => connect(podPort, '127.0.0.1')));
      const proxy = cutter(Number(new URL(server.url).port), seededRandom(SEED));
      const url = new URL(server.url);
      url.port = String(await listenOn(proxy.server));
      let failed = 0;
      const forward = await portForward(url, ':80', {
        transport,
        addresses: '127.0.0.1',
        reconnect: { initialDelay: 1, maxDelay: 5 },
        onConnectionError: () => failed++,
      });
      const port = forward.ports[0]?.localPort ?? 0;
      let whole = 0;
      let broken = 0;
      const worker = async (): Promise<void> => {
        for (let round = 0; round < 20; round++) {
          const { ended, bytes } = await download(port);
          if (!ended) broken++;
          else if (bytes === SIZE) whole++;
          else assert.fail(`an end after ${bytes} bytes of ${SIZE}`);
        }
      };
      await Promise.all([1, 2, 3, 4].map(worker));
      assert.ok(whole > 0 && broken > 0, `${whole} whole, ${broken} broken, ${proxy.cuts()} cuts, seed ${SEED}`);
      await until(() => forward.connections === 0);
      assert.equal(failed, broken, 'every failure is told, and nothing else');
      await forward.close();
      for (const socket of proxy.sockets) socket.destroy();
      proxy.server.close();
      pod.close();
      await Promise.all([once(proxy.server, 'close'), once(pod, 'close')]);
    });
  }
});
