import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { exec } from '../../src/remotecommand/index.js';
import { projectRoot } from '../support/project-root.js';
import { isAlive, startClusterProcess } from './support/cluster.js';
import { kubectl } from './support/kubectl.js';

const run = promisify(execFile);
const main = join(projectRoot, 'dist', 'cli', 'main.js');

async function allGone(pids: readonly number[]): Promise<boolean> {
  for (let tries = 0; tries < 100; tries++) {
    if (!pids.some(isAlive)) return true;
    await sleep(50);
  }
  return false;
}

/** A refused start: what it printed, and its exit code. */
async function refusal(args: readonly string[]): Promise<{ code: number; stderr: string }> {
  try {
    await run(process.execPath, [main, 'cluster', ...args], { timeout: 20_000 });
  } catch (error) {
    return error as { code: number; stderr: string };
  }
  throw new Error('it started');
}

describe('trunkline cluster', () => {
  it('leaves no process behind after Ctrl-C, neither pods nor what runs in them', async () => {
    const cluster = await startClusterProcess();
    const pod = cluster.pods[0]?.name ?? '';
    const target = { server: cluster.apiServer, pod };
    const { stdout } = await exec(target, { command: ['sh', '-c', 'sleep 1000 & echo $!'], stderr: false });
    const long = exec(target, { command: ['sh', '-c', 'echo $$; sleep 1000'] }).then(
      ({ exitCode }) => exitCode,
      (error: { code?: string }) => error.code,
    );
    const tty = exec(target, { command: ['sleep', '1001'], tty: true }).catch(() => {});
    await sleep(500);
    const pids = cluster.pods.map(({ pid }) => pid).concat(Number(stdout.trim()));
    assert.ok(pids.every(isAlive));
    const { stdout: sleepers } = await run('pgrep', ['-f', 'sleep 100[01]']);
    assert.equal(await cluster.stop(), 0, cluster.log());
    assert.ok(await allGone([...pids, ...sleepers.trim().split('\n').map(Number)]));
    // The command was ended with its pod: whoever waits for it is told so, or that the connection is gone.
    assert.ok([129, 137, 143, 'ERR_CONNECTION_LOST'].includes((await long) ?? ''), String(await long));
    await tty;
  });

  it('leaves no pod behind when it is killed', async () => {
    const cluster = await startClusterProcess();
    cluster.process.kill('SIGKILL');
    assert.ok(await allGone(cluster.pods.map(({ pid }) => pid)));
  });

  it('runs two clusters side by side', async () => {
    const [one, two] = await Promise.all([startClusterProcess(['--pods', '2']), startClusterProcess(['--pods', '1'])]);
    try {
      const ips = [...one.pods, ...two.pods].map(({ ip }) => ip);
      assert.equal(new Set(ips).size, 3);
      for (const { events } of [...one.pods, ...two.pods]) {
        const response = await fetch(events);
        assert.equal(response.headers.get('content-type'), 'text/event-stream');
        await response.body?.cancel();
      }
      assert.equal((await fetch(two.dashboard)).status, 200);
    } finally {
      await Promise.all([one.stop(), two.stop()]);
    }
  });

  it('runs a program of the user’s own as the pods', async () => {
    const script = 'console.log("own", process.env.POD_NAME); setInterval(() => {}, 1000)';
    const cluster = await startClusterProcess(['--pods', '1', '--', process.execPath, '-e', script]);
    try {
      const pod = cluster.pods[0]?.name ?? '';
      const { stdout } = await kubectl(['logs', pod], { server: cluster.apiServer });
      assert.equal(stdout, `own ${pod}\n`);
    } finally {
      await cluster.stop();
    }
  });

  it('says in one line that a port is taken', async () => {
    const holder = createServer().listen(0, '127.0.0.1');
    await once(holder, 'listening');
    const { port } = holder.address() as AddressInfo;
    const { code, stderr } = await refusal(['--api-port', String(port), '--port', '0']);
    holder.close();
    assert.equal(code, 1);
    assert.match(stderr.trim(), new RegExp(`${port}`));
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  });

  it('listens beyond loopback only when told so by an explicit flag', async () => {
    const { code, stderr } = await refusal(['--api-port', '0', '--port', '0', '--host', '0.0.0.0']);
    assert.notEqual(code, 0);
    assert.match(stderr, /--insecure-allow-any-address/);
  });

  it('refuses nonsense with a message', async () => {
    for (const args of [['--pods', 'many'], ['--pods', '-1'], ['--api-port', '99999'], ['--no-such-flag']]) {
      const { code, stderr } = await refusal(args);
      assert.notEqual(code, 0);
      assert.notEqual(stderr.trim(), '');
    }
  });

  it('is found by npx, and tells its version and its options', async () => {
    const options = { cwd: projectRoot, timeout: 30_000 };
    const { stdout: version } = await run('npx', ['trunkline', '--version'], options);
    assert.match(version.trim(), /^\d+\.\d+\.\d+$/);
    const { stdout: help } = await run(process.execPath, [main, 'cluster', '--help'], options);
    for (const flag of ['--pods', '--api-port', '--port', '--json']) assert.ok(help.includes(flag), help);
  });
});

describe('examples', () => {
  const start = async (name: string): Promise<{ port: string; stop: () => void }> => {
    const child = spawn(process.execPath, [join(projectRoot, 'examples', name), '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [text] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    const port = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    assert.ok(port !== undefined, text);
    return { port, stop: () => child.kill() };
  };
  const node = async (name: string, ...args: readonly string[]): Promise<string> =>
    (await run(process.execPath, [join(projectRoot, 'examples', name), ...args], { timeout: 20_000 })).stdout;

  it('streams-server.js and streams-client.js', async () => {
    const { port, stop } = await start('streams-server.js');
    try {
      const output = await node('streams-client.js', port);
      assert.match(output, /HELLO FROM ADA\nHELLO FROM GRACE\nHELLO FROM BARBARA\nrefused: /);
    } finally {
      stop();
    }
  });

  for (const name of ['exec-server-http.js', 'exec-server-express.js', 'exec-server-fastify.js']) {
    it(`${name} and exec-client.js`, async () => {
      const { port, stop } = await start(name);
      try {
        const output = await node(
          'exec-client.js',
          `http://127.0.0.1:${port}/api/v1/namespaces/default/pods/demo/exec`,
        );
        assert.equal(
          output,
          'websocket, v5.channel.k8s.io: hello, exit code 0\n' +
            'spdy, v4.channel.k8s.io: counted 12 bytes\n' +
            'exit code 7, stderr: oops\n',
        );
      } finally {
        stop();
      }
    });
  }
});
