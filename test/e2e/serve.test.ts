import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { MeshStreams, PodStatus, PublishedAnswer } from '../../src/serve/index.js';
import { temporaryFolder } from '../support/folder.js';
import { projectRoot } from '../support/project-root.js';
import { openStream } from '../support/push-sse.js';
import { askPod } from '../support/serve-pods.js';
import { ServePods } from './support/mesh/serve-pods.js';

// `trunkline serve` as its users run it: processes, signals, curl.

const MAIN = process.env['TRUNKLINE_MAIN'] ?? join(projectRoot, 'dist', 'cli', 'main.js');
const run = promisify(execFile);

/** Settles when it holds. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Runs the command to its end. */
async function serve(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  try {
    const options = { env: { PATH: process.env['PATH'], ...env } };
    return { code: 0, ...(await run(process.execPath, [MAIN, 'serve', ...args], options)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

describe('trunkline serve', { timeout: 120_000 }, () => {
  it('carries what curl publishes on one pod to who follows on another, through crashes and departures', async () => {
    await using pods = new ServePods(3, '127.83.1');
    await pods.startAll();
    const [a = '', b = '', c = ''] = pods.names.map((name) => pods.url(name));
    const client = await openStream(`${a}/events?stream=news`);
    const { stdout } = await run('curl', ['-s', '-d', 'one', `${b}/publish?stream=news&ack=all`]);
    assert.equal((JSON.parse(stdout) as PublishedAnswer).acks, 3);
    await client.until(({ data }) => data.length === 1);
    const { streams } = (await askPod(`${c}/streams`)).json() as MeshStreams;
    assert.deepEqual(streams, [{ name: 'news', clients: 1, pods: { 'pod-a': 1 } }]);

    // A pod dies under its clients; another one has what they missed.
    await pods.stop('pod-a', 'SIGKILL');
    await client.finished();
    await askPod(`${b}/publish?stream=news`, { body: 'two' });
    const resumed = await openStream(`${c}/events?stream=news`, { headers: { 'Last-Event-ID': client.lastEventId } });
    await resumed.until(({ data }) => data.length === 1);
    assert.deepEqual(resumed.data, ['two']);

    // A new run of it has the history before it is ready.
    await pods.start('pod-a');
    const list = await askPod(`${a}/events?stream=news&watch=false`);
    assert.equal((list.json() as { items: object[] }).items.length, 2);

    // A pod leaves in order: its clients go on elsewhere.
    const stopped = await pods.stop('pod-c', 'SIGTERM');
    assert.equal(stopped.code, 0);
    await resumed.finished();
    assert.ok((resumed.retries.at(-1) ?? 0) >= 500);
    const headers = { 'Last-Event-ID': resumed.lastEventId };
    const moved = await openStream(`${a}/events?stream=news`, { headers });
    await askPod(`${b}/publish?stream=news`, { body: 'three' });
    await moved.until(({ data }) => data.length > 0);
    assert.deepEqual(moved.data, ['three']);
    moved.leave();
  });

  it('says so when other pods do not answer in time, and delivers when they do', async () => {
    await using pods = new ServePods(2, '127.83.2');
    await pods.startAll();
    const [a = '', b = ''] = pods.names.map((name) => pods.url(name));
    const status = (await askPod(`${b}/status`)).json() as PodStatus;
    assert.deepEqual([status.name, status.state, status.links.length], ['pod-b', 'ready', 1]);
    pods.signal('pod-b', 'SIGSTOP');
    const late = await askPod(`${a}/publish?stream=news&timeout=300`, { body: 'x' });
    assert.equal(late.status, 504);
    const told = late.json() as PublishedAnswer;
    assert.deepEqual([told.acknowledged, told.acks, told.n], [false, 1, 1]);
    pods.signal('pod-b', 'SIGCONT');
    await until(async () => (await askPod(`${b}/events?stream=news&watch=false`)).text.includes('"data":"x"'));
  });

  it('logs lines of JSON, the ready one with where it is', async () => {
    const child = spawn(process.execPath, [MAIN, 'serve', '--port', '0', '--internal-port', '0', '--name', 'alone'], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { PATH: process.env['PATH'] },
    });
    const exited = once(child, 'exit');
    const lines: { level: string; msg: string; url?: string; internalPort?: number }[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(JSON.parse(line) as (typeof lines)[number]);
      if (lines.at(-1)?.msg === 'ready') child.kill('SIGINT');
    }
    const ready = lines.find(({ msg }) => msg === 'ready');
    assert.equal(ready?.level, 'info');
    assert.match(ready?.url ?? '', /^http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok((ready?.internalPort ?? 0) > 0);
    assert.deepEqual(await exited, [0, null]);
  });

  it('stops while it joins', async () => {
    const args = [MAIN, 'serve', '--port', '0', '--internal-port', '0', '--peers', 'dns:nobody.invalid'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    for await (const line of createInterface(child.stdout)) if (line.includes('"listening')) child.kill('SIGTERM');
    assert.deepEqual(await exited, [0, null]);
  });

  it('takes a token that has been renewed without a restart', async () => {
    using folder = temporaryFolder();
    const file = join(folder.path, 'token');
    await writeFile(file, 'the-token-of-before\n');
    await using pods = new ServePods(1, '127.83.3', ['--publish-token-file', file]);
    await pods.startAll();
    const publish = async (token: string): Promise<number> => {
      const headers = { Authorization: `Bearer ${token}` };
      return (await askPod(`${pods.url('pod-a')}/publish?stream=a`, { body: 'x', headers })).status;
    };
    assert.equal(await publish('the-token-of-before'), 200);
    assert.equal(await publish('the-token-of-now-on'), 401);
    await writeFile(file, 'the-token-of-now-on\n');
    await until(async () => (await publish('the-token-of-now-on')) === 200);
    assert.equal(await publish('the-token-of-before'), 401);
  });

  it('says what to do when it cannot start', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);
    for (const [args, why] of [
      [['--port', port], /is in use; choose another with --port/],
      [['--port', '0', '--internal-port', port], /is in use; choose another with --internal-port/],
      [['--port', '0', '--internal-port', '0', '--grpc-port', port], /is in use; choose another with --grpc-port/],
      [['--peers', 'nobody'], /--peers must be/],
      [['--prot', '1'], /Did you mean --port\?/],
      [['--peers', 'kubernetes', '--selector', 'app=x', '--port', '0', '--internal-port', '0'], /no usable kubeconfig/],
    ] as const) {
      const { code, stderr } = await serve(args, { HOME: '/nowhere' });
      assert.equal(code, 1, args.join(' '));
      assert.match(stderr, why);
    }
    taken.close();
  });

  it('teaches', async () => {
    const { code, stdout } = await serve(['--help']);
    assert.equal(code, 0);
    for (const text of ['curl', '--peers', 'static:127.0.0.1:7001', '--selector', 'PORT', 'SIGTERM']) {
      assert.ok(stdout.includes(text), text);
    }
  });
});
