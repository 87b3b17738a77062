// client-go through our proxies: exec to our server without WebSocket and to cri-streaming's, port-forward to cri-streaming's.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { UpgradeAwareProxy, streamTranslator, streamTunnel } from '../../src/proxy/index.js';
import { exec } from '../../src/remotecommand/index.js';
import type { GoExecResult } from './support/exec-results.js';
import { startExecServer } from './support/exec-server.js';
import { attempts, fetchPattern, load } from './support/forward-load.js';
import { buildGoPrograms, runGo, runGoOnce, startGo, startGoServer } from './support/go-programs.js';
import { patternSha256 } from './support/pattern.js';
import { createWebServer, listenOnLoopback } from './support/web-pod.js';

interface Peer {
  readonly address: string;
  stop(): Promise<unknown>;
}

/** What shows the sizes of a terminal: ours prints them, cri-streaming's has a real one. */
const UNTIL_RESIZED = 'until [ "$(stty size)" = "50 132" ]; do sleep 0.02; done; echo 80x24; echo 132x50';

const backends: Readonly<Record<string, { readonly start: () => Promise<Peer>; readonly sizes: readonly string[] }>> = {
  'our exec server without WebSocket': { start: () => startExecServer('--no-websocket'), sizes: ['sizes', '2'] },
  'cri-streaming in Go': { start: () => startGoServer('execserver', []), sizes: ['sh', '-c', UNTIL_RESIZED] },
};

/** The executors whose requests a proxy can serve, with such a backend. */
const ways = [
  ['streamTranslator', 'websocket'],
  ['streamTranslator', 'spdy'],
  ['UpgradeAwareProxy', 'spdy'],
] as const;

before(() => buildGoPrograms());

for (const [backendName, { start, sizes }] of Object.entries(backends)) {
  describe(backendName, { timeout: 240_000 }, () => {
    let backend: Peer;
    before(async () => {
      backend = await start();
    });
    after(() => backend.stop());

    for (const [kind, executor] of ways) {
      describe(`${kind}, ${executor}`, () => {
        const sockets = new Set<Socket>();
        let server: Server;
        let address: string;

        before(async () => {
          const options = { target: `http://${backend.address}`, useRequestLocation: true };
          const proxy = new UpgradeAwareProxy(options);
          server = createServer(proxy.handleRequest);
          server.on('upgrade', kind === 'streamTranslator' ? streamTranslator(options) : proxy.handleUpgrade);
          server.on('connection', (socket) => {
            sockets.add(socket);
            socket.on('close', () => sockets.delete(socket));
          });
          server.listen(0, '127.0.0.1');
          await once(server, 'listening');
          address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
        });
        after(async () => {
          while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
          server.close();
        });

        const flags = (more: readonly string[], command: readonly string[]): string[] => [
          '-server',
          `http://${address}`,
          '-pod',
          'p',
          '-executor',
          executor,
          ...more,
          '--',
          ...command,
        ];
        const run = (more: readonly string[], ...command: string[]): Promise<GoExecResult> =>
          runGoOnce<GoExecResult>('execclient', flags(more, command));

        for (const code of [0, 1, 7, 127, 137, 255]) {
          test(`exit code ${code}`, async () => {
            const result = await run([], 'sh', '-c', `echo out; echo err >&2; exit ${code}`);
            assert.deepEqual([result.exit, result.stdout, result.stderr], [code, 'out\n', 'err\n'], result.err);
          });
        }

        test('half-close: stdin ends, output and exit code still arrive', async () => {
          const result = await run(['-stdin', 'pattern:5000000'], 'sh', '-c', 'wc -c; exit 3');
          assert.deepEqual([result.exit, result.stdout.trim()], [3, '5000000'], result.err);
        });

        test('cat gives stdin back', async () => {
          const result = await run(['-stdin', 'pattern:5000000'], 'cat');
          assert.deepEqual([result.exit, result.stdoutSha256], [0, patternSha256(5_000_000)], result.err);
        });

        test('a command that ends while stdin is open', async () => {
          const result = await run(['-stdin', 'open'], 'sh', '-c', 'echo done; exit 4');
          assert.deepEqual([result.exit, result.stdout], [4, 'done\n'], result.err);
        });

        test('a terminal is resized', async () => {
          const more = ['-tty', '-stdin', 'open', '-resize', '80x24,132x50', '-resize-interval', '20ms'];
          const result = await run(more, ...sizes);
          assert.equal(result.exit, 0, result.err);
          assert.deepEqual(result.stdout.trim().split(/\s+/), ['80x24', '132x50']);
        });

        test('our client: a command that ends without reading 50 MB of stdin', async () => {
          const stdin = Buffer.alloc(50_000_000, 'x');
          const target = { server: `http://${address}`, pod: 'p' };
          for (let i = 0; i < 6; i++) {
            const { exitCode } = await exec(target, { command: ['sh', '-c', 'exit 6'], stdin, transport: executor });
            assert.equal(exitCode, 6);
          }
        });

        test('100 at once', async () => {
          const { lines } = await runGo<GoExecResult>(
            'execclient',
            flags(['-stdin', 'pattern:20000', '-concurrency', '100'], ['sh', '-c', 'wc -c; echo oops >&2; exit 9']),
            { timeout: 60_000 },
          );
          assert.equal(lines.length, 100);
          for (const { exit, stdout, stderr, err } of lines) {
            assert.deepEqual([exit, stdout.trim(), stderr], [9, '20000', 'oops\n'], err);
          }
        });
      });
    }
  });
}

describe('client-go port-forward through streamTunnel to cri-streaming', { timeout: 120_000 }, () => {
  interface GoLine {
    readonly ports?: readonly { readonly local: number; readonly remote: number }[];
    readonly error?: string;
  }

  test('300 requests on 20 connections, 8 MiB, and a refused port, which ends the session', async () => {
    const web = createWebServer();
    const webPort = await listenOnLoopback(web);
    await using backend = await startGoServer('portforwardserver', ['-no-tunnel']);
    const sockets = new Set<Socket>();
    const server = createServer().on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    server.on('upgrade', streamTunnel({ target: `http://${backend.address}`, useRequestLocation: true }));
    const url = `http://127.0.0.1:${await listenOnLoopback(server)}/api/v1/namespaces/default/pods/p/portforward`;
    const args = ['-url', url, '-transport', 'tunnel', '-ports', `:${webPort},:9`];
    const client = startGo<GoLine>('portforwardclient', args);
    const { ports = [] } = await client.line((line) => line.ports !== undefined);
    const local = (wanted: number): number => ports.find(({ remote }) => remote === wanted)?.local ?? 0;

    const result = await load(local(webPort), 300, 20);
    assert.deepEqual(result.failures, []);
    assert.equal(result.good, 300);
    const size = 8 * 1024 * 1024;
    assert.deepEqual(await fetchPattern(local(webPort), size), { bytes: size, sha256: patternSha256(size) });
    // A refused port ends the session, as with the original's server; the proxy lets go of both ends then.
    await attempts(local(9), 1);
    const { lines } = await client.finished;
    assert.equal(lines.at(-1)?.error, 'lost connection to pod');
    while (sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    server.close();
    web.close().closeAllConnections();
  });
});
