// Our port-forward client against our server and against the one in Go, over each transport, and servers that are killed.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server as HttpServer } from 'node:http';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import {
  portForward,
  type ForwardedConnection,
  type PortForward,
  type PortForwardOptions,
  type PortForwardTransport,
} from '../../src/portforward/index.js';
import { attempts, endOf, fetchPattern, load, sendPattern } from '../interop/support/forward-load.js';
import { digestOf, patternSha256, patternStream } from '../interop/support/pattern.js';
import { startPortForwardServer, type PortForwardServer } from '../interop/support/port-forward-servers.js';
import { failOnLeftovers } from '../interop/support/leftovers.js';
import { createWebServer, listenOnLoopback } from '../interop/support/web-pod.js';

const MEBIBYTE = 1024 * 1024;
/** Nothing listens there. */
const REFUSED = 9;
const TRANSPORTS: readonly PortForwardTransport[] = ['tunnel', 'spdy', 'websocket'];

let web: HttpServer;
let webPort: number;
/** Sends everything back, and its end after that of the client. */
let echo: Server;
let echoPort: number;
const echoes = new Set<Socket>();

before(async () => {
  web = createWebServer();
  webPort = await listenOnLoopback(web);
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    echoes.add(socket);
    socket.once('close', () => echoes.delete(socket));
    socket.on('error', () => {}).pipe(socket);
  });
  echoPort = await listenOnLoopback(echo);
});
after(async () => {
  web.close().closeAllConnections();
  echo.close();
  // Servers that were killed may not have said goodbye to it.
  for (const socket of echoes) socket.destroy();
  failOnLeftovers();
  await Promise.all([once(web, 'close'), once(echo, 'close')]);
});

function localPort(forward: PortForward, remote: number): number {
  const port = forward.ports.find(({ address, remotePort }) => address === '127.0.0.1' && remotePort === remote);
  assert.ok(port, `port ${remote} is not forwarded`);
  return port.localPort;
}

/** Waits for something that is to come about, within 10 seconds. */
async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.fail(`not within 10 seconds: ${what}`);
}

async function openConnections(server: Server): Promise<number> {
  return await new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
  });
}

/** Begins a download that never ends, takes a mebibyte of it, and returns the socket. */
async function beginEndless(port: number): Promise<ReturnType<typeof connect>> {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /endless HTTP/1.1\r\nHost: pod\r\n\r\n');
  let bytes = 0;
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes >= MEBIBYTE) resolve();
    });
  });
  socket.removeAllListeners('error').on('error', () => {});
  return socket;
}

for (const kind of ['ours', 'go'] as const) {
  describe(`our client against ${kind === 'ours' ? 'our server' : 'a server in Go'}`, () => {
    let server: PortForwardServer;

    before(async () => {
      server = await startPortForwardServer(kind);
    });
    after(() => server.kill());

    const open = (transport: PortForwardTransport, options: PortForwardOptions = {}): Promise<PortForward> =>
      portForward(server.url, [`:${webPort}`, `:${echoPort}`, `:${REFUSED}`], { transport, ...options });

    for (const transport of TRANSPORTS) {
      describe(transport, () => {
        it('1,000 requests on 50 connections at once, a refused port among good ones', async () => {
          const failed: [number, Error][] = [];
          const onConnectionError = (error: Error, { port }: ForwardedConnection): unknown =>
            failed.push([port.remotePort, error]);
          await using forward = await open(transport, { onConnectionError });
          assert.equal(forward.transport, transport);
          const [result, refused] = await Promise.all([
            load(localPort(forward, webPort), 1_000, 50),
            attempts(localPort(forward, REFUSED), 20),
          ]);
          assert.deepEqual(result.failures, []);
          assert.equal(result.good, 1_000);
          assert.deepEqual(
            new Set(refused),
            new Set(['ECONNRESET']),
            'no refused connection looks like a short answer',
          );
          await eventually('20 failures are told', () => failed.length >= 20);
          for (const [port, error] of failed) {
            assert.equal(port, REFUSED);
            assert.equal((error as NodeJS.ErrnoException).code, 'ERR_PORT_FORWARD');
            assert.match(error.message, /refused/i);
          }
          assert.equal(failed.length, 20);
        });

        it('32 MiB each way', async () => {
          await using forward = await open(transport);
          const size = 32 * MEBIBYTE;
          const expected = { bytes: size, sha256: patternSha256(size) };
          const port = localPort(forward, webPort);
          assert.deepEqual(await Promise.all([fetchPattern(port, size), sendPattern(port, size)]), [
            expected,
            expected,
          ]);
        });

        it('downloads that are broken off leave nothing behind and disturb nobody', async () => {
          const failed: Error[] = [];
          await using forward = await open(transport, { onConnectionError: (error) => failed.push(error) });
          const port = localPort(forward, webPort);
          const sockets = await Promise.all(Array.from({ length: 20 }, () => beginEndless(port)));
          for (const [index, socket] of sockets.entries()) {
            if (index % 2 === 0) socket.destroy();
            else socket.resetAndDestroy();
          }
          assert.equal((await load(port, 50, 10)).good, 50);
          await eventually('all connections are over', () => forward.connections === 0);
          await eventually('the pod has none left', async () => (await openConnections(web)) === 0);
          assert.deepEqual(failed, [], 'what the local client breaks off is no failure');
        });

        if (transport === 'websocket') return;

        it('each direction ends on its own', async () => {
          await using forward = await open(transport);
          const socket = connect({ port: localPort(forward, echoPort), host: '127.0.0.1', allowHalfOpen: true });
          const size = 4 * MEBIBYTE;
          patternStream(size).pipe(socket);
          assert.deepEqual(await digestOf(socket), { bytes: size, sha256: patternSha256(size) });
        });
      });
    }

    it('auto takes the tunnel', async () => {
      await using forward = await portForward(server.url, `:${webPort}`);
      assert.equal(forward.transport, 'tunnel');
    });
  });

  for (const transport of ['tunnel', 'spdy'] as const) {
    it(`${kind}, ${transport}: a server that is killed fails what is under way; later connections work`, async () => {
      let server = await startPortForwardServer(kind);
      const events: string[] = [];
      const failed: Error[] = [];
      await using forward = await portForward(server.url, `:${webPort}`, {
        transport,
        reconnect: { initialDelay: 50, maxDelay: 400 },
        onConnectionError: (error) => failed.push(error),
        onDisconnect: () => events.push('down'),
        onReconnect: () => events.push('up'),
      });
      const port = localPort(forward, webPort);
      const socket = await beginEndless(port);
      const broken = endOf(socket);
      await server.kill();
      assert.equal(await broken, 'ECONNRESET', 'a download that was cut does not look complete');
      await eventually('the loss is told', () => failed.length === 1 && events[0] === 'down');
      assert.equal((failed[0] as NodeJS.ErrnoException).code, 'ERR_CONNECTION_LOST');
      // It waits until there is a server again.
      const waiting = fetchPattern(port, 100_000);
      server = await startPortForwardServer(kind, server.port);
      assert.equal((await waiting).sha256, patternSha256(100_000));
      assert.equal(events.at(-1), 'up');
      assert.equal((await load(port, 50, 10)).good, 50);
      await server.kill();
    });
  }

  it(`${kind}, websocket: each connection stands alone when the server is killed`, async () => {
    let server = await startPortForwardServer(kind);
    const failed: Error[] = [];
    await using forward = await portForward(server.url, `:${webPort}`, {
      transport: 'websocket',
      onConnectionError: (error) => failed.push(error),
    });
    const port = localPort(forward, webPort);
    const socket = await beginEndless(port);
    const broken = new Promise((resolve) => socket.once('close', resolve));
    await server.kill();
    await broken;
    await eventually('the loss is told', () => failed.length === 1);
    assert.deepEqual(await attempts(port, 1), ['ECONNRESET']);
    server = await startPortForwardServer(kind, server.port);
    assert.equal((await fetchPattern(port, 100_000)).sha256, patternSha256(100_000));
    await server.kill();
  });
}

it('without reconnect the loss of the server ends the port-forward', async () => {
  const server = await startPortForwardServer('ours');
  const forward = await portForward(server.url, `:${webPort}`);
  const port = localPort(forward, webPort);
  await server.kill();
  const end = await forward.closed;
  assert.equal(end.kind, 'lost');
  assert.equal((end.error as NodeJS.ErrnoException).code, 'ERR_CONNECTION_LOST');
  assert.deepEqual(await attempts(port, 1), ['ECONNREFUSED'], 'nothing is listened on any more');
});
