// Every engine, and every way of port-forward, through an http, an https and a SOCKS5 proxy, to a TLS server whose name only
// the proxy knows.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, it, type TestContext } from 'node:test';
import type { ResponseUpgrader, UpgradeRequest, UpgradeRoundTripper } from '../../src/index.js';
import { portForward, portForwardHandler } from '../../src/portforward/index.js';
import { WebSocketResponseUpgrader, WebSocketRoundTripper } from '../../src/websocket/index.js';
import { YamuxResponseUpgrader, YamuxRoundTripper } from '../../src/yamux/index.js';
import { CA, SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { httpProxy, socksProxy, type TestProxy } from '../support/proxies.js';
import { answerOf, withEcho } from './portforward-support.js';

const TLS = { cert: SERVER_CERT, key: SERVER_KEY };
const CREDENTIALS = 'user:hunter2';
const TEXT = 'over the wire'.repeat(50_000);

const PROXIES = {
  http: (t: TestContext, port: number): Promise<TestProxy> => httpProxy(t, { port }, { credentials: CREDENTIALS }),
  https: (t: TestContext, port: number): Promise<TestProxy> =>
    httpProxy(t, { port }, { credentials: CREDENTIALS, tls: TLS }),
  socks5: (t: TestContext, port: number): Promise<TestProxy> => socksProxy(t, { port }, { credentials: CREDENTIALS }),
};

async function startServer(
  t: TestContext,
  onUpgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void,
): Promise<number> {
  const server = createServer(TLS);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  server.on('upgrade', onUpgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** How to get to a server of another name through the proxy. */
function through(scheme: string, proxy: TestProxy): Pick<UpgradeRequest, 'tls' | 'proxy' | 'proxyTls'> {
  return {
    // The certificate is for localhost.
    tls: { ca: CA, servername: 'localhost' },
    proxy: `${scheme}://${CREDENTIALS}@localhost:${proxy.port}`,
    proxyTls: { ca: CA },
  };
}

const ENGINES: readonly (readonly [string, () => ResponseUpgrader, () => UpgradeRoundTripper])[] = [
  ['yamux', () => new YamuxResponseUpgrader(), () => new YamuxRoundTripper()],
  ['an engine in a WebSocket', () => new WebSocketResponseUpgrader(), () => new WebSocketRoundTripper()],
];

for (const scheme of ['http', 'https', 'socks5'] as const) {
  describe(`through an ${scheme} proxy`, () => {
    for (const [name, upgrader, roundTripper] of ENGINES) {
      it(name, { timeout: 20_000 }, async (t) => {
        const port = await startServer(t, (req, socket, head) => {
          upgrader().upgradeResponse(req, socket, head, (stream) => void stream.pipe(stream));
        });
        const proxy = await PROXIES[scheme](t, port);
        const request = { url: 'https://server.cluster.test/x', ...through(scheme, proxy) };
        const { connection } = await roundTripper().dial(request);
        const stream = await connection.createStream({});
        stream.end(TEXT);
        assert.equal((await buffer(stream)).toString(), TEXT);
        await connection.close();
        await proxy.idle();
        assert.equal(proxy.requests.length, 1);
      });
    }

    for (const transport of ['tunnel', 'spdy', 'websocket'] as const) {
      it(`port-forward by ${transport}`, { timeout: 20_000 }, async (t) => {
        await withEcho(async (echo) => {
          const serve = portForwardHandler(({ port }) => connect(port, '127.0.0.1'));
          const proxy = await PROXIES[scheme](t, await startServer(t, serve));
          const target = { server: 'https://api.cluster.test', pod: 'p', ...through(scheme, proxy) };
          const specs = [`0:${echo}`];
          await using forward = await portForward(target, specs, { addresses: '127.0.0.1', transport });
          const [local] = forward.ports;
          if (transport === 'websocket') {
            // Without a half-close the echo ends with the connection.
            const socket = connect(local?.localPort ?? 0, '127.0.0.1');
            socket.write('hello');
            assert.equal(String(((await once(socket, 'data')) as [Buffer])[0]), 'hello');
            socket.destroy();
          } else {
            assert.deepEqual(await answerOf(local?.localPort ?? 0, TEXT), { text: TEXT, error: undefined });
          }
          assert.ok(proxy.requests.length > 0);
        });
      });
    }
  });
}
