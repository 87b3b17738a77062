// Our exec client through real proxies: tinyproxy (HTTP), the same behind TLS (https), microsocks and Dante (SOCKS5); to an
// http and an https server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { KubeConfig } from '@kubernetes/client-node';
import { ProxyError, proxyFromEnvironment } from '../../src/index.js';
import { podTarget } from '../../src/kubernetes/index.js';
import { exec, type PodTarget } from '../../src/remotecommand/index.js';
import { makeCertificates, type Certificates } from './support/certificates.js';
import { startExecServer, type ExecServer } from './support/exec-server.js';
import {
  startDante,
  startMicrosocks,
  startTinyproxy,
  startTlsFront,
  type ForwardProxy,
} from './support/forward-proxies.js';
import { HashingSink } from './support/hashing-sink.js';
import { patternSha256, patternStream } from './support/pattern.js';

const CREDENTIALS = { user: 'proxy.user', password: 'p-ss_w0rd' };
const LOGIN = `${CREDENTIALS.user}:${CREDENTIALS.password}`;
const BYTES = 16 * 1024 * 1024;

let certificates: Certificates;
let server: ExecServer;
const started: ForwardProxy[] = [];
/** Proxies that ask for the credentials, by scheme. */
const proxies: Record<string, number> = {};
const servers: Record<string, string> = {};
let dante: number;

async function add(proxy: Promise<ForwardProxy>): Promise<number> {
  started.push(await proxy);
  return (await proxy).port;
}

before(async () => {
  certificates = makeCertificates();
  server = await startExecServer();
  const pem = `${certificates.serverCert}\n${certificates.serverKey}`;
  servers['http'] = `http://${server.address}`;
  servers['https'] = `https://localhost:${await add(startTlsFront(Number(server.address.split(':')[1]), pem))}`;
  proxies['http'] = await add(startTinyproxy({ credentials: CREDENTIALS }));
  proxies['https'] = await add(startTlsFront(proxies['http'], pem));
  proxies['socks5'] = await add(startMicrosocks({ credentials: CREDENTIALS }));
  dante = await add(startDante());
});

after(async () => {
  await server.stop();
  for (const proxy of started.toReversed()) await proxy.stop();
  certificates.remove();
});

function target(proxy: string, to: string, login = LOGIN): PodTarget {
  const tls = { ca: certificates.authority };
  return {
    server: servers[to] ?? '',
    pod: 'p',
    tls,
    proxyTls: tls,
    proxy: `${proxy}://${login}@localhost:${proxies[proxy]}`,
  };
}

for (const proxy of ['http', 'https', 'socks5']) {
  for (const to of ['http', 'https']) {
    describe(`${proxy} proxy, ${to} server`, () => {
      for (const transport of ['websocket', 'spdy'] as const) {
        it(`exec over ${transport}: streams, half-close and exit code`, async () => {
          const options = {
            command: ['sh', '-c', 'wc -c; echo err >&2; exit 7'],
            stdin: 'x'.repeat(100_000),
            transport,
          };
          const { exitCode, stdout, stderr } = await exec(target(proxy, to), options);
          assert.deepEqual([exitCode, stdout.trim(), stderr], [7, '100000', 'err\n']);
        });

        it(`${BYTES >> 20} MiB each way over ${transport}`, async () => {
          const sink = new HashingSink();
          const stdin = patternStream(BYTES);
          // microsocks stops for good when both directions are full.
          const through =
            proxy === 'socks5' ? { ...target(proxy, to), proxy: `socks5h://localhost:${dante}` } : target(proxy, to);
          await exec(through, { command: ['cat'], stdin, stdout: sink, transport, check: true });
          assert.deepEqual(sink.result(), { bytes: BYTES, sha256: patternSha256(BYTES) });
        });
      }
    });
  }

  it(`${proxy} proxy: wrong credentials`, async () => {
    for (const transport of ['websocket', 'spdy'] as const) {
      const attempt = exec(target(proxy, 'https', 'proxy.user:hunter2'), { command: ['true'], transport });
      await assert.rejects(attempt, (error) => {
        assert.ok(error instanceof ProxyError, String(error));
        // tinyproxy answers 401, not 407, to credentials that are wrong.
        if (proxy !== 'socks5')
          assert.ok(error.statusCode === 401 || error.statusCode === 407, String(error.statusCode));
        assert.doesNotMatch(String(error.stack), /hunter2|proxy\.user/);
        return true;
      });
    }
  });

  it(`${proxy} proxy: nothing listens at the server`, async () => {
    const unreachable = { ...target(proxy, 'http'), server: 'http://127.0.0.1:1' };
    await assert.rejects(exec(unreachable, { command: ['true'] }), (error) => {
      assert.ok(error instanceof ProxyError, String(error));
      if (proxy === 'socks5') assert.equal(error.replyCode, 5);
      else assert.equal(error.statusCode, 500);
      return true;
    });
  });
}

for (const proxy of ['http', 'https', 'socks5']) {
  it(`one kubeconfig with an ${proxy} proxy-url, for kubectl and for us`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'));
    const file = join(folder, 'config');
    const base64 = (pem: string): string => Buffer.from(pem).toString('base64');
    const cluster = {
      server: servers['https'],
      'certificate-authority-data': base64(certificates.authority),
      'proxy-url': `${proxy}://${LOGIN}@localhost:${proxies[proxy]}`,
    };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: 'secret' } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    };
    writeFileSync(file, JSON.stringify(config));
    try {
      const command = ['sh', '-c', 'echo hi; exit 7'];
      const env = { PATH: process.env['PATH'], HOME: folder, KUBECONFIG: file };
      const theirs = await run('kubectl', ['exec', 'p', '-c', 'c', '--', ...command], env);
      assert.deepEqual([theirs.exit, theirs.stdout], [7, 'hi\n'], theirs.stderr);
      const loaded = new KubeConfig();
      loaded.loadFromFile(file);
      const ours = await exec(podTarget(loaded, { pod: 'p' }), { command });
      assert.deepEqual([ours.exitCode, ours.stdout], [7, 'hi\n']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

async function run(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ exit: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 30_000 });
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { exit: child.exitCode, stdout, stderr };
}

it('a port that the proxy does not allow', async () => {
  const proxy = await startTinyproxy({ onlyPort: 443 });
  try {
    const forbidden = { server: servers['http'] ?? '', pod: 'p', proxy: `http://127.0.0.1:${proxy.port}` };
    await assert.rejects(exec(forbidden, { command: ['true'] }), { code: 'ERR_PROXY', statusCode: 403 });
  } finally {
    await proxy.stop();
  }
});

it('variables of the environment, asked for: past the proxy for loopback, through it for the rest', async () => {
  const proxy = proxyFromEnvironment({ HTTPS_PROXY: `http://${LOGIN}@127.0.0.1:1`, NO_PROXY: '10.0.0.0/8,.svc' });
  const tls = { ca: certificates.authority };
  const direct = await exec({ server: servers['https'] ?? '', pod: 'p', tls, proxy }, { command: ['echo', 'hi'] });
  assert.equal(direct.stdout, 'hi\n');
  await assert.rejects(exec({ server: 'https://api.example.test', pod: 'p', tls, proxy }, { command: ['true'] }), {
    code: 'ERR_PROXY',
  });
});

it('the server has no session and no process left', async () => {
  await server.settled(({ open, processes }) => open === 0 && processes === 0);
});
