// @kubernetes/client-node's PortForward, which speaks v4.channel.k8s.io, against our server.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHttpServer, request, type IncomingMessage } from 'node:http';
import { connect, createServer } from 'node:net';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { KubeConfig, PortForward } from '@kubernetes/client-node';
import { podTarget } from '../../src/kubernetes/index.js';
import { portForward, portForwardHandler } from '../../src/portforward/index.js';
import { fetchPattern } from './support/forward-load.js';
import { digestOf, patternSha256 } from './support/pattern.js';
import { createWebServer, listenOnLoopback } from './support/web-pod.js';

const SIZE = 16 * 1024 * 1024;

function configFor(port: number): KubeConfig {
  const config = new KubeConfig();
  config.loadFromClusterAndUser(
    { name: 'c', server: `http://127.0.0.1:${port}`, skipTLSVerify: true },
    { name: 'u', token: 's3cret' },
  );
  return config;
}

/** A server whose pods are this machine, and a web server to reach. */
async function withServers(
  use: (port: number, webPort: number, authorizations: string[]) => Promise<void>,
): Promise<void> {
  const web = createWebServer();
  const webPort = await listenOnLoopback(web);
  const server = createHttpServer();
  const stop = new AbortController();
  const handle = portForwardHandler(({ port }) => connect(port, '127.0.0.1'), { signal: stop.signal });
  const authorizations: string[] = [];
  server.on('upgrade', (req: IncomingMessage, socket, head) => {
    authorizations.push(req.headers.authorization ?? '');
    handle(req, socket, head);
  });
  const port = await listenOnLoopback(server);
  try {
    await use(port, webPort, authorizations);
  } finally {
    stop.abort();
    server.close();
    web.close().closeAllConnections();
    await Promise.all([once(server, 'close'), once(web, 'close')]);
  }
}

test('its PortForward: 16 MiB come through, and the end with them', async () => {
  await withServers(async (port, webPort) => {
    const forwarder = new PortForward(configFor(port));
    const local = createServer((socket) => {
      socket.on('error', () => {});
      forwarder.portForward('default', 'p', [webPort], socket, null, socket).catch(() => socket.destroy());
    });
    const localPort = await listenOnLoopback(local);
    assert.deepEqual(await fetchPattern(localPort, SIZE), { bytes: SIZE, sha256: patternSha256(SIZE) });
    local.close();
    await once(local, 'close');
  });
});

test('its PortForward: a port where nothing listens is told as text', async () => {
  await withServers(async (port) => {
    const errors = new PassThrough();
    const forwarder = new PortForward(configFor(port));
    await forwarder.portForward('default', 'p', [9], new PassThrough(), errors, new PassThrough());
    let text = '';
    errors.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    while (!text.includes('ECONNREFUSED')) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.match(text, /error forwarding port 9: connect ECONNREFUSED/);
  });
});

test('its KubeConfig is a target for our client', async () => {
  await withServers(async (port, webPort, authorizations) => {
    const target = podTarget(configFor(port), { pod: 'p' });
    await using forward = await portForward(target, `:${webPort}`, { addresses: '127.0.0.1' });
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { host: '127.0.0.1', port: forward.ports[0]?.localPort, path: `/pattern/${SIZE}`, agent: false };
      request(options, resolve).once('error', reject).end();
    });
    assert.deepEqual(await digestOf(answer), { bytes: SIZE, sha256: patternSha256(SIZE) });
    assert.deepEqual(authorizations, ['Bearer s3cret']);
  });
});
