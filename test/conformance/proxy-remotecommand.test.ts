// Exec through proxies: client-go tools/remotecommand fallback_test.go (TestFallbackClient_WebSocketHTTPSProxyNoFallback: the
// https proxy, once) and websocket_test.go (TestWebSocketClient_ProxySucceeds: the http proxy); kubeconfig's proxy-url.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { ProxyError } from '../../src/index.js';
import { podTarget } from '../../src/kubernetes/index.js';
import {
  exec,
  remoteCommandHandler,
  type RemoteCommandHandler,
  type RemoteCommandTarget,
} from '../../src/remotecommand/index.js';
import { CA, SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { httpProxy, socksProxy, startProxy, type TestProxy } from '../support/proxies.js';
import { listen } from './remotecommand-server.js';

const CREDENTIALS = 'user:hunter2';
const TLS = { cert: SERVER_CERT, key: SERVER_KEY };
const STDIN = 'through the tunnel\n'.repeat(5000);

/** Sends back its input, and exits with 7. */
const echo = remoteCommandHandler(async ({ stdin, stdout }) => {
  for await (const chunk of stdin ?? []) stdout?.write(chunk);
  return 7;
});

const PROXIES = {
  http: (t: TestContext, port: number): Promise<TestProxy> => httpProxy(t, { port }, { credentials: CREDENTIALS }),
  https: (t: TestContext, port: number): Promise<TestProxy> =>
    httpProxy(t, { port }, { credentials: CREDENTIALS, tls: TLS }),
  socks5: (t: TestContext, port: number): Promise<TestProxy> => socksProxy(t, { port }, { credentials: CREDENTIALS }),
};

async function startServer(t: TestContext, handler: RemoteCommandHandler, secure: boolean): Promise<number> {
  const server: Server = secure ? (createHttpsServer(TLS) as Server) : createHttpServer();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('upgrade', handler);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const portOf = (url: string): number => Number(new URL(url).port);

for (const scheme of ['http', 'https', 'socks5'] as const) {
  describe(`exec through an ${scheme} proxy`, () => {
    for (const transport of ['websocket', 'spdy'] as const) {
      it(`over ${transport}`, { timeout: 10_000 }, async (t) => {
        await using server = await listen(echo);
        const proxy = await PROXIES[scheme](t, portOf(server.url));
        // The name exists nowhere but at the proxy.
        const target: RemoteCommandTarget = {
          server: 'http://api.cluster.test',
          pod: 'p',
          proxy: `${scheme}://${CREDENTIALS}@localhost:${proxy.port}`,
          proxyTls: { ca: CA },
        };
        const result = await exec(target, { command: ['cat'], stdin: STDIN, transport });
        assert.deepEqual([result.exitCode, result.stdout, result.transport], [7, STDIN, transport]);
        assert.equal(proxy.requests.length, 1);
        await proxy.idle();
      });
    }

    it('a server that refuses WebSockets is used over SPDY, through the proxy too', { timeout: 10_000 }, async (t) => {
      await using server = await listen(remoteCommandHandler(() => 0, { webSocket: false }));
      const proxy = await PROXIES[scheme](t, portOf(server.url));
      const target = {
        url: 'http://api.cluster.test/exec',
        proxy: () => `${scheme}://${CREDENTIALS}@localhost:${proxy.port}`,
        credentials: () => ({ proxyTls: { ca: CA } }),
      };
      assert.equal((await exec(target, { command: ['x'] })).transport, 'spdy');
      assert.equal(proxy.requests.length, 2);
    });

    it('a proxy that refuses is not asked twice', { timeout: 10_000 }, async (t) => {
      let connections = 0;
      const proxy = await startProxy(
        t,
        (socket) => {
          connections++;
          socket.once('data', () => socket.end(scheme === 'socks5' ? Buffer.of(5, 255) : 'HTTP/1.1 403 No\r\n\r\n'));
        },
        scheme === 'https' ? TLS : undefined,
      );
      const target = {
        url: 'http://api.cluster.test/exec',
        proxy: `${scheme}://${CREDENTIALS}@localhost:${proxy.port}`,
        proxyTls: { ca: CA },
      };
      await assert.rejects(exec(target, { command: ['x'] }), (error) => {
        assert.ok(error instanceof ProxyError);
        assert.doesNotMatch(`${error.message}${error.stack}${String(error.cause)}`, /hunter2/);
        return true;
      });
      assert.equal(connections, 1);
    });

    it('the proxy-url of a kubeconfig is gone through', { timeout: 10_000 }, async (t) => {
      await using server = await listen(echo);
      const proxy = await PROXIES[scheme](t, portOf(server.url));
      const config = new KubeConfig();
      config.loadFromOptions({
        clusters: [
          {
            name: 'c',
            server: 'http://api.cluster.test',
            skipTLSVerify: scheme !== 'https',
            caData: Buffer.from(CA).toString('base64'),
            proxyUrl: `${scheme}://${CREDENTIALS}@localhost:${proxy.port}`,
          },
        ],
        users: [{ name: 'u' }],
        contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
        currentContext: 'x',
      });
      const result = await exec(podTarget(config, { pod: 'p' }), { command: ['cat'], stdin: 'x' });
      assert.deepEqual([result.exitCode, result.stdout], [7, 'x']);
      assert.equal(proxy.requests.length, 1);
    });
  });
}

describe('a proxy that goes away in the middle of a session', () => {
  for (const scheme of ['http', 'https', 'socks5'] as const) {
    for (const secure of [false, true]) {
      for (const transport of ['websocket', 'spdy'] as const) {
        it(`${scheme} proxy, ${secure ? 'https' : 'http'} server, ${transport}`, { timeout: 10_000 }, async (t) => {
          let running: (() => void) | undefined;
          const started = new Promise<void>((resolve) => {
            running = resolve;
          });
          const aborted: unknown[] = [];
          const port = await startServer(
            t,
            remoteCommandHandler(async ({ signal, stdout }) => {
              stdout?.write('so far');
              signal.addEventListener('abort', () => aborted.push(signal.reason));
              running?.();
              await new Promise((resolve) => signal.addEventListener('abort', resolve));
            }),
            secure,
          );
          const proxy = await PROXIES[scheme](t, port);
          const target = {
            url: `${secure ? 'https' : 'http'}://localhost/exec`,
            tls: { ca: CA },
            proxy: `${scheme}://${CREDENTIALS}@localhost:${proxy.port}`,
            proxyTls: { ca: CA },
          };
          const stdout = new PassThrough();
          const session = exec(target, { command: ['x'], stdout, stdin: new PassThrough(), transport });
          const failed = assert.rejects(session, { code: 'ERR_CONNECTION_LOST' });
          await started;
          assert.equal(String(((await once(stdout, 'data')) as [Buffer])[0]), 'so far');
          for (const socket of proxy.sockets) socket.destroy();
          await failed;
          while (aborted.length === 0) await new Promise((resolve) => setImmediate(resolve));
        });
      }
    }
  }
});

describe('an unusable proxy', () => {
  it('is refused before anything is sent, and not shown', async () => {
    for (const proxy of ['ftp://user:hunter2@a', 'user:hunter2@a', 'socks4://user:hunter2@a', '']) {
      for (const transport of ['websocket', 'spdy', 'auto'] as const) {
        await assert.rejects(
          exec({ url: 'http://127.0.0.1:1/exec', proxy }, { command: ['x'], transport }),
          (error: Error & { code?: string }) =>
            error.code === 'ERR_INVALID_ARGUMENT' && !`${error.message}${error.stack}`.includes('hunter2'),
        );
      }
    }
  });

  it('that cannot be reached is a ProxyError', async () => {
    const unreachable = { url: 'http://127.0.0.1:1/exec', proxy: `http://user:hunter2@127.0.0.1:1` };
    await assert.rejects(exec(unreachable, { command: ['x'] }), (error: Error) => {
      assert.ok(error instanceof ProxyError);
      assert.equal(error.message, 'cannot connect to the proxy http://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1');
      return true;
    });
  });
});
