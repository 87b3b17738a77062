import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { describe, it, type TestContext } from 'node:test';
import { UpgradeAwareProxy, streamTranslator, type UpgradeAwareProxyOptions } from '../../src/proxy/index.js';
import { exec, remoteCommandHandler } from '../../src/remotecommand/index.js';
import { CA, CLIENT_CERT, CLIENT_KEY, SERVER_CERT, SERVER_KEY } from '../support/certificates.js';
import { httpProxy } from '../support/proxies.js';
import { until, type Handlers } from '../support/proxy.js';

// TLS on both sides of the proxies, with a client certificate that only the proxy has.

async function serveTls(
  t: TestContext,
  { handleRequest, handleUpgrade }: Handlers,
  requestCert = false,
): Promise<{ readonly url: string; readonly sockets: ReadonlySet<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer({
    cert: SERVER_CERT,
    key: SERVER_KEY,
    ca: CA,
    requestCert,
    rejectUnauthorized: requestCert,
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
  });
  if (handleRequest !== undefined) server.on('request', handleRequest);
  if (handleUpgrade !== undefined) server.on('upgrade', handleUpgrade);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return { url: `https://localhost:${(server.address() as AddressInfo).port}`, sockets };
}

for (const [kind, transport] of [
  ['UpgradeAwareProxy', 'spdy'],
  ['streamTranslator', 'websocket'],
] as const) {
  describe(`${kind} between TLS and TLS`, () => {
    it('stdin, its end, output and exit code arrive; all sockets go', async (t) => {
      const run = remoteCommandHandler(
        async ({ stdin, stdout }) => {
          for await (const chunk of stdin ?? []) if (stdout?.write(chunk) === false) await once(stdout, 'drain');
          return 7;
        },
        { webSocket: false },
      );
      const backend = await serveTls(t, { handleUpgrade: run }, true);
      const options: UpgradeAwareProxyOptions = {
        target: backend.url,
        useRequestLocation: true,
        tls: { ca: CA, cert: CLIENT_CERT, key: CLIENT_KEY },
        checkAddress: ({ host }) => host === 'localhost',
        lookup: () => Promise.resolve(['127.0.0.1']),
      };
      const proxy = new UpgradeAwareProxy(options);
      const handleUpgrade = kind === 'streamTranslator' ? streamTranslator(options) : proxy.handleUpgrade;
      const front = await serveTls(t, { handleRequest: proxy.handleRequest, handleUpgrade });
      const sent = randomBytes(2 * 1024 * 1024);
      const stdout = new PassThrough({ highWaterMark: 2 * sent.length });
      const target = { url: `${front.url}/exec`, tls: { ca: CA } };
      const result = await exec(target, { command: ['x'], stdin: sent, stdout, transport });
      assert.deepEqual([result.exitCode, result.transport], [7, transport]);
      assert.ok(sent.equals(stdout.read(sent.length) as Buffer));
      await until(() => front.sockets.size === 0 && backend.sockets.size === 0);
    });

    it('through a CONNECT proxy, which is asked for the address that was checked', async (t) => {
      const run = remoteCommandHandler(() => 7, { webSocket: false });
      const backend = await serveTls(t, { handleUpgrade: run });
      const way = await httpProxy(t, { port: Number(new URL(backend.url).port) });
      const options: UpgradeAwareProxyOptions = {
        target: () => 'https://localhost:4433/exec?command=x&stdout=true',
        tls: { ca: CA },
        proxy: `http://127.0.0.1:${way.port}`,
        lookup: () => Promise.resolve(['10.1.2.3']),
      };
      const proxy = new UpgradeAwareProxy(options);
      const handleUpgrade = kind === 'streamTranslator' ? streamTranslator(options) : proxy.handleUpgrade;
      const front = await serveTls(t, { handleUpgrade });
      const target = { url: `${front.url}/exec`, tls: { ca: CA } };
      const { exitCode } = await exec(target, { command: ['x'], stderr: false, transport });
      assert.equal(exitCode, 7);
      assert.equal(way.requests.length, 1);
      assert.match(way.requests[0] ?? '', /^CONNECT 10\.1\.2\.3:4433 /);
      await until(() => front.sockets.size === 0 && backend.sockets.size === 0);
      await way.idle();
    });

    it('a backend that does not take the certificate is an error for the caller', async (t) => {
      const backend = await serveTls(t, { handleUpgrade: (_req, socket) => socket.destroy() }, true);
      const options = { target: backend.url, tls: { ca: CA } };
      const proxy = new UpgradeAwareProxy(options);
      const handleUpgrade = kind === 'streamTranslator' ? streamTranslator(options) : proxy.handleUpgrade;
      const front = await serveTls(t, { handleUpgrade });
      const target = { url: `${front.url}/exec`, tls: { ca: CA } };
      await assert.rejects(exec(target, { command: ['x'], transport }), /certificate required|closed the connection/);
      await until(() => front.sockets.size === 0 && backend.sockets.size === 0);
    });
  });
}
