// The proxies seen from outside: kubectl through each of them to the embedded cluster, whose exec speaks SPDY alone, and to
// backends that misbehave.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { spawn as spawnTerminal } from '@lydell/node-pty';
import { startCluster, type Cluster } from '../../src/cluster/index.js';
import {
  UpgradeAwareProxy,
  allowAnyAddress,
  isTunnelRequest,
  streamTranslator,
  streamTunnel,
  type UpgradeAwareProxyOptions,
  type UpgradeHandler,
} from '../../src/proxy/index.js';
import { load } from '../interop/support/forward-load.js';
import { projectRoot } from '../support/project-root.js';
import { rawBackend, serve, until, type Front, type RawConnection } from '../support/proxy.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { kubectl, kubectlEnvironment, type Wire } from './support/kubectl.js';
import { kubectlPortForward } from './support/kubectl-port-forward.js';

const EXIT_CODES = [0, 1, 7, 137, 255];

type Kind = 'UpgradeAwareProxy' | 'streamTranslator';

/** A server that proxies everything: port-forward tunnels, exec and attach by `kind`, and plain requests. */
async function front(t: TestContext, kind: Kind, options: UpgradeAwareProxyOptions): Promise<Front> {
  const proxy = new UpgradeAwareProxy(options);
  const tunnel = streamTunnel(options);
  const upgrade: UpgradeHandler = kind === 'streamTranslator' ? streamTranslator(options) : proxy.handleUpgrade;
  return await serve(t, {
    handleRequest: proxy.handleRequest,
    handleUpgrade: (req, socket, head) => (isTunnelRequest(req) ? tunnel : upgrade)(req, socket, head),
  });
}

describe('kubectl through the proxies', { timeout: 120_000 }, () => {
  let cluster: Cluster;
  let pod: { readonly name: string; readonly port: number };

  before(async () => {
    const program = fileURLToPath(new URL('../interop/support/web-pod-main.js', import.meta.url));
    cluster = await startCluster({ pods: 1, command: [process.execPath, program], connect: { webSocket: false } });
    const [first] = cluster.pods;
    assert.ok(first);
    pod = first;
  });
  after(() => cluster?.close());

  /** A proxy to the cluster, and the upgrades that the cluster is asked for. */
  async function toCluster(
    t: TestContext,
    kind: Kind,
  ): Promise<{ readonly url: string; readonly upgrades: string[]; readonly front: Front }> {
    const upgrades: string[] = [];
    const relay = await startTcpProxy({
      target: new URL(cluster.apiServer).host,
      onPassage: ({ direction, data }) => {
        const upgrade = /^(\w+) [^\n]*\n[^]*^upgrade: (.*)\r$/im.exec(data.toString('latin1'));
        if (direction === 'up' && upgrade !== null) upgrades.push(`${upgrade[1]} ${upgrade[2]}`);
      },
    });
    t.after(() => relay[Symbol.asyncDispose]());
    const started = await front(t, kind, { target: `http://${relay.address}`, useRequestLocation: true });
    return { url: started.url, upgrades, front: started };
  }

  const ways: readonly (readonly [kind: Kind, wire: Wire, name: string, upgrades: readonly string[]])[] = [
    ['UpgradeAwareProxy', 'spdy', 'over SPDY', ['POST SPDY/3.1']],
    [
      'UpgradeAwareProxy',
      'websocket',
      'over WebSocket, which is refused, then SPDY',
      ['GET websocket', 'POST SPDY/3.1'],
    ],
    ['streamTranslator', 'websocket', 'over WebSocket, translated', ['POST SPDY/3.1']],
    ['streamTranslator', 'spdy', 'over SPDY, passed on', ['POST SPDY/3.1']],
  ];
  for (const [kind, wire, name, expected] of ways) {
    describe(`${kind}: exec ${name}`, () => {
      it('stdout and stderr', async (t) => {
        const { url, upgrades, front: proxy } = await toCluster(t, kind);
        const args = ['exec', pod.name, '--', 'sh', '-c', 'echo out; echo err >&2'];
        const { code, stdout, stderr } = await kubectl(args, { server: url, wire });
        assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: 'out\n', stderr: 'err\n' });
        assert.deepEqual(upgrades, expected);
        await until(() => proxy.sockets.size === 0);
      });

      it('exit codes', async (t) => {
        const { url } = await toCluster(t, kind);
        for (const exitCode of EXIT_CODES) {
          const args = ['exec', pod.name, '--', 'sh', '-c', `exit ${exitCode}`];
          const { code, stderr } = await kubectl(args, { server: url, wire });
          assert.equal(code, exitCode);
          if (exitCode !== 0) assert.match(stderr, new RegExp(`exit code ${exitCode}`));
        }
      });

      it('8 MiB through stdin and back, and its end', async (t) => {
        const { url } = await toCluster(t, kind);
        const input = randomBytes(8 * 1024 * 1024);
        const result = await kubectl(['exec', '-i', pod.name, '--', 'cat'], { server: url, wire, input });
        assert.equal(result.code, 0, result.stderr);
        assert.equal(result.stdoutSha256, createHash('sha256').update(input).digest('hex'));
        const count = await kubectl(['exec', '-i', pod.name, '--', 'sh', '-c', 'wc -c; exit 7'], {
          server: url,
          wire,
          input: 'abc',
        });
        assert.deepEqual([count.code, count.stdout.trim()], [7, '3']);
      });

      it('a terminal, its size, and a resize', async (t) => {
        const { url } = await toCluster(t, kind);
        const script = 'trap "stty size" WINCH; stty size; until read x; do :; done; exit 7';
        const terminal = spawnTerminal(
          'kubectl',
          [`--server=${url}`, 'exec', '-it', pod.name, '--', 'sh', '-c', script],
          {
            cols: 91,
            rows: 31,
            env: kubectlEnvironment(wire) as Record<string, string>,
          },
        );
        let screen = '';
        let exitCode: number | undefined;
        terminal.onData((text) => (screen += text));
        terminal.onExit((exit) => (exitCode = exit.exitCode));
        t.after(() => (exitCode === undefined ? terminal.kill() : undefined));
        await until(() => screen.includes('31 91'));
        terminal.resize(120, 40);
        await until(() => screen.includes('40 120'));
        terminal.write('go\r');
        await until(() => exitCode !== undefined);
        assert.equal(exitCode, 7);
      });
    });
  }

  it('streamTunnel: port-forward, 200 requests on 20 connections', async (t) => {
    const { url, upgrades, front: proxy } = await toCluster(t, 'UpgradeAwareProxy');
    {
      await using forward = await kubectlPortForward(url, pod.name, [`:${pod.port}`], 'websocket');
      const result = await load(forward.local(pod.port), 200, 20);
      assert.deepEqual(result.failures, []);
      assert.equal(result.good, 200);
      assert.match(forward.stderr(), /GET \S+\/portforward\n/);
    }
    assert.deepEqual(upgrades, ['POST SPDY/3.1']);
    await until(() => proxy.sockets.size === 0);
  });

  it('plain requests: get, logs, watch', async (t) => {
    const { url } = await toCluster(t, 'UpgradeAwareProxy');
    const got = await kubectl(['get', 'pods', '-o', 'name'], { server: url });
    assert.equal(got.stdout, `pod/${pod.name}\n`);
    assert.equal((await kubectl(['logs', pod.name], { server: url })).code, 0);
    let seen = '';
    await kubectl(['get', 'pods', '-w', '-o', 'name'], {
      server: url,
      onOutput: (text, kill) => {
        seen += text;
        kill();
      },
    });
    assert.equal(seen, `pod/${pod.name}\n`);
  });

  it('the example runs as printed', async () => {
    const program = join(projectRoot, 'examples', 'upgrade-proxy.js');
    const example = spawn(process.execPath, [program, cluster.apiServer, '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const ended = once(example, 'exit').then(([code]) => Promise.reject(new Error(`it exited with ${code}`)));
      ended.catch(() => {});
      const started = once(example.stdout.setEncoding('utf8'), 'data') as Promise<[string]>;
      const [text] = await Promise.race([started, ended]);
      const url = /listening on (\S+)/.exec(text)?.[1] ?? '';
      const { code, stdout } = await kubectl(['exec', pod.name, '--', 'sh', '-c', 'echo hi; exit 3'], { server: url });
      assert.deepEqual([code, stdout], [3, 'hi\n']);
      await using forward = await kubectlPortForward(url, pod.name, [`:${pod.port}`], 'websocket');
      assert.equal((await load(forward.local(pod.port), 10, 2)).good, 10);
    } finally {
      example.kill();
    }
  });

  const faults: Readonly<Record<string, readonly [answer: (connection: RawConnection) => void, expected: RegExp]>> = {
    'refuses with 400': [
      ({ socket }) => void socket.write('HTTP/1.1 400 Bad Request\r\nContent-Length: 14\r\n\r\nnot this time\n'),
      /not this time/,
    ],
    redirects: [
      ({ socket }) => void socket.write('HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n'),
      /invalid upgrade response: status code 307|redirect not allowed/,
    ],
    'answers 200': [
      ({ socket }) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
      /status code 200|unable to upgrade connection: 200 ok/,
    ],
    hangs: [() => {}, /no answer from .* within 500 ms/],
    'sends half a header': [
      ({ socket }) => void socket.write('HTTP/1.1 101 Switching Protocols\r\nConn'),
      /no answer from .* within 500 ms/,
    ],
    closes: [({ socket }) => void socket.end(), /closed the connection before it answered/],
    resets: [({ socket }) => void socket.resetAndDestroy(), /closed the connection before it answered/],
  };
  for (const kind of ['UpgradeAwareProxy', 'streamTranslator'] as const) {
    for (const wire of ['websocket', 'spdy'] as const) {
      for (const [fault, [answer, expected]] of Object.entries(faults)) {
        it(`${kind}, ${wire}: a backend that ${fault}: kubectl says so, no byte passes, no socket stays`, async (t) => {
          const backend = await rawBackend(t, answer);
          const proxy = await front(t, kind, {
            target: (req) => (req.url?.includes('/exec') === true ? backend.url : cluster.apiServer),
            useRequestLocation: true,
            checkAddress: allowAnyAddress,
            limits: { upgradeTimeout: 500 },
          });
          const args = ['exec', '-i', pod.name, '--', 'cat'];
          const { code, stdout, stderr } = await kubectl(args, { server: proxy.url, wire, input: 'secret input' });
          assert.deepEqual([code, stdout], [1, '']);
          assert.match(stderr, expected);
          await until(() => proxy.sockets.size === 0 && backend.connections.every((connection) => connection.over()));
          assert.ok(backend.connections.length > 0);
          for (const connection of backend.connections) assert.equal(connection.behind(), '');
        });
      }
    }
  }
});
