import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, it } from 'node:test';
import { startCluster, type Cluster, type ClusterOptions } from '../../../src/cluster/index.js';
import { listen } from '../../../src/apiserver/listen.js';
import type { Pod } from '../../../src/apiserver/index.js';
import { attach, exec } from '../../../src/remotecommand/index.js';
import { send } from '../apiserver/support.js';
import { isAlive, until } from './support.js';

const PODS = '/api/v1/namespaces/default/pods';
const TIMEOUT = { timeout: 60_000 };

async function podOf(cluster: Cluster, name: string): Promise<Pod> {
  return JSON.parse((await send(`${cluster.apiServer}${PODS}/${name}`)).text) as Pod;
}

async function withCluster(options: ClusterOptions, test: (cluster: Cluster) => Promise<void>): Promise<void> {
  await using cluster = await startCluster(options);
  await test(cluster);
}

describe('startCluster', TIMEOUT, () => {
  it('runs ready pods with addresses of their own, and leaves nothing behind', async () => {
    const pids: number[] = [];
    let directory = '';
    await withCluster({ pods: 2 }, async (cluster) => {
      assert.equal(new Set(cluster.pods.map(({ ip, port }) => `${ip}:${port}`)).size, 2);
      for (const { name, ip, port, pid, events } of cluster.pods) {
        assert.match(name, /^trunkline-serve-[a-z0-9]{5}-[a-z0-9]{5}$/);
        pids.push(pid ?? 0);
        assert.equal(events, `http://${ip}:${port}/events?stream=ticks`);
        assert.equal((await send(`http://${ip}:${port}/readyz`)).code, 200);
        const { status, spec } = await podOf(cluster, name);
        assert.deepEqual([status.phase, status.podIP], ['Running', ip]);
        assert.equal(status.conditions?.find(({ type }) => type === 'Ready')?.status, 'True');
        directory = spec.containers[0]?.workingDir ?? '';
        assert.ok(existsSync(directory));
      }
      assert.equal((await send(cluster.dashboard, { headers: { Host: 'evil.example' } })).code, 403);
      assert.equal((await send(`${cluster.dashboard}/nope`)).code, 404);
      assert.equal((await send(cluster.dashboard, { method: 'POST' })).code, 405);

      const target = { server: cluster.apiServer, pod: cluster.pods[0]?.name ?? '' };
      // What has left its process group and session is found all the same.
      const left = await exec(target, { command: ['sh', '-c', 'setsid sleep 600 >/dev/null 2>&1 & echo $!'] });
      pids.push(Number(left.stdout));
      const where = await exec(target, { command: ['sh', '-c', 'echo $POD_NAME $HOSTNAME; pwd'] });
      assert.equal(where.stdout, `${target.pod} ${target.pod}\n${directory.replace(/[^/]+$/, target.pod)}\n`);
    });
    await until(() => !pids.some(isAlive));
    assert.ok(!existsSync(directory));
  });

  it('starts a pod again that ended, counts it, and keeps its last log', async () => {
    const command = ['sh', '-c', 'echo run of $POD_NAME; exec sleep 600'];
    await withCluster({ pods: 1, command, readyTimeout: 100 }, async (cluster) => {
      const [pod] = cluster.pods;
      const { name = '', pid = 0 } = pod ?? {};
      assert.match(name, /^sh-/);
      const log = async (query: string): Promise<string> =>
        (await send(`${cluster.apiServer}${PODS}/${name}/log${query}`)).text;
      await until(async () => (await log('')) === `run of ${name}\n`);
      assert.match(await log('?previous=true'), /previous terminated container \\"main\\" in pod .* not found/);
      const follower = send(`${cluster.apiServer}${PODS}/${name}/log?follow=true`);
      process.kill(pid, 'SIGKILL');
      assert.equal((await follower).text, `run of ${name}\n`);
      await until(() => cluster.pods[0]?.pid !== undefined && cluster.pods[0].pid !== pid);
      const status = (await podOf(cluster, name)).status.containerStatuses?.[0];
      assert.equal(status?.restartCount, 1);
      assert.deepEqual([status?.lastState?.terminated?.exitCode, status?.lastState?.terminated?.signal], [137, 9]);
      assert.equal(await log('?previous=true'), `run of ${name}\n`);
    });
  });

  it('backs off from a program that keeps failing, into which nothing can be executed', async () => {
    await withCluster({ pods: 1, command: ['sh', '-c', 'exit 3'] }, async (cluster) => {
      const name = cluster.pods[0]?.name ?? '';
      await until(async () => {
        const state = (await podOf(cluster, name)).status.containerStatuses?.[0]?.state;
        return state?.waiting?.reason === 'CrashLoopBackOff';
      });
      await assert.rejects(
        exec({ server: cluster.apiServer, pod: name }, { command: ['true'] }),
        /container not found/,
      );
    });
  });

  it('attaches several clients to one process, and detaching does not end it', async () => {
    await withCluster(
      {
        pods: 1,
        command: ['sh', '-c', 'while read -r line; do echo "got $line"; echo err >&2; done'],
        readyTimeout: 100,
      },
      async (cluster) => {
        const [pod] = cluster.pods;
        const target = { server: cluster.apiServer, pod: pod?.name ?? '' };
        const seen = ['', ''];
        const detach = new AbortController();
        const outputs = [0, 1].map((index) => ({
          stdout: sink((text) => {
            seen[index] += text;
          }),
        }));
        const attached = outputs.map(({ stdout }, index) =>
          attach(target, {
            stdout,
            signal: detach.signal,
            ...(index === 0 ? { stdin: ticks(() => seen.every((text) => text.includes('got tick'))) } : {}),
          }).catch((error: unknown) => error),
        );
        await until(() => seen.every((text) => text.includes('got tick\n')));
        detach.abort();
        await Promise.all(attached);
        assert.equal(cluster.pods[0]?.pid, pod?.pid);
        assert.ok(isAlive(pod?.pid ?? 0));
      },
    );
  });

  it('fails clearly, and leaves nothing open', async () => {
    const busy = createServer();
    const { port } = await listen(busy, '127.0.0.1', 0);
    await assert.rejects(startCluster({ apiPort: port }), { code: 'EADDRINUSE' });
    await assert.rejects(startCluster({ port }), { code: 'EADDRINUSE' });
    busy.close();
    await assert.rejects(startCluster({ command: ['no-such-program'] }), /executable file not found/);
    await assert.rejects(startCluster({ host: '0.0.0.0' }), { code: 'ERR_INVALID_ARGUMENT' });
    for (const options of [
      { pods: 0 },
      { pods: 254 },
      { pods: 1.5 },
      { command: [] },
      { logBytes: -1 },
      { gracePeriod: -1 },
      { readinessPath: '/ready' },
      { command: ['true'], readinessPath: 'ready' },
      { command: ['true'], serve: {} },
      { serve: { arguments: [] } as object },
      { podNetwork: 'none' } as object,
      { pod: 1 } as object,
    ]) {
      await assert.rejects(startCluster(options), { code: 'ERR_INVALID_ARGUMENT' });
    }
    const reason = new Error('no longer wanted');
    await assert.rejects(startCluster({ signal: AbortSignal.abort(reason) }), reason);
    const abort = new AbortController();
    const starting = startCluster({ pods: 1, signal: abort.signal });
    setImmediate(() => abort.abort(reason));
    await assert.rejects(starting, reason);
  });

  it('can be stopped at any moment of its start, and leaves nothing behind', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'start-'));
    const before = process.env['TMPDIR'];
    process.env['TMPDIR'] = directory;
    // Each turn of the event loop is another point of the start.
    for (let turns = 0; turns < 12; turns++) {
      const stopping = new AbortController();
      const started = startCluster({ pods: 1, command: ['sleep', '600'], signal: stopping.signal });
      const rejected = assert.rejects(started, { name: 'AbortError' });
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      stopping.abort();
      await rejected;
    }
    if (before === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = before;
    assert.deepEqual(readdirSync(directory), []);
    rmdirSync(directory);
  });

  it('is stopped by its signal, and closing twice is closing once', async () => {
    const abort = new AbortController();
    const cluster = await startCluster({ pods: 1, signal: abort.signal });
    const pid = cluster.pods[0]?.pid ?? 0;
    abort.abort();
    await Promise.all([cluster.close(), cluster.close()]);
    assert.ok(!isAlive(pid));
    await assert.rejects(send(`${cluster.apiServer}/version`), { code: 'ECONNREFUSED' });
  });

  it('is cleaned up even if its process is killed', { skip: !existsSync('/proc') }, async () => {
    const script = `
      const { startCluster } = await import(${JSON.stringify(new URL('../../../src/cluster/index.js', import.meta.url).href)});
      const cluster = await startCluster({ pods: 1, command: ['sh', '-c', 'setsid sleep 600 & sleep 600'], readyTimeout: 300 });
      console.log(cluster.pods[0].pid);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += String(chunk);
    });
    await until(() => text.endsWith('\n'));
    const pid = Number(text);
    const mark = /TRUNKLINE_CLUSTER_ID=[^\0]+/.exec(readFileSync(`/proc/${pid}/environ`, 'latin1'))?.[0] ?? '';
    assert.notEqual(mark, '');
    child.kill('SIGKILL');
    const marked = (): boolean =>
      readdirSync('/proc').some((name) => {
        try {
          return /^\d+$/.test(name) && readFileSync(`/proc/${name}/environ`, 'latin1').includes(mark);
        } catch {
          return false;
        }
      });
    await until(() => !isAlive(pid) && !marked());
  });
});

function sink(take: (text: string) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, callback) {
      take(String(chunk));
      callback();
    },
  });
}

async function* ticks(enough: () => boolean): AsyncGenerator<string> {
  // Whoever is attached later sees a later one.
  while (!enough()) {
    yield 'tick\n';
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
