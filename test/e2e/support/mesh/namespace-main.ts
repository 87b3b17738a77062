// Three pods, each in a network namespace of its own, with a cable to a bridge. Runs as root of a user namespace:
// `unshare -rn node namespace-main.js`.
import assert from 'node:assert/strict';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PodOrder, PodReport } from './namespace-pod-main.js';

const MAIN = fileURLToPath(new URL('namespace-pod-main.js', import.meta.url));
const ADDRESSES = ['10.9.0.1', '10.9.0.2', '10.9.0.3'];

let published = 0;

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function say(pod: ChildProcess, order: PodOrder): Promise<PodReport> {
  const answer = once(pod, 'message');
  pod.send(order);
  const [report] = (await answer) as [PodReport];
  return report;
}

function texts(count: number): string[] {
  return Array.from({ length: count }, () => `${published++}:`.padEnd(200, '.'));
}

async function until(pods: readonly ChildProcess[], fits: (report: PodReport) => boolean): Promise<void> {
  for (const pod of pods) while (!fits(await say(pod, { kind: 'report' }))) await sleep(20);
}

run('ip', 'link', 'add', 'br0', 'type', 'bridge');
run('ip', 'link', 'set', 'br0', 'up');
const pods = ADDRESSES.map((_, index) => {
  const pod = spawn('unshare', ['-n', process.execPath, MAIN], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  // It has its own namespace once it can answer.
  return { pod, cable: `cable${index}` };
});
try {
  for (const { pod, cable } of pods) {
    await say(pod, { kind: 'report' });
    run('ip', 'link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pod.pid));
    run('ip', 'link', 'set', cable, 'master', 'br0');
    run('ip', 'link', 'set', cable, 'up');
  }
  const [a, b, c] = pods.map(({ pod }) => pod);
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  const all = [a, b, c];
  for (const [index, pod] of all.entries()) {
    const peers = ADDRESSES.filter((_, other) => other !== index);
    await say(pod, { kind: 'start', name: `pod-${index}`, address: ADDRESSES[index] ?? '', peers });
  }
  await until(all, ({ links, state }) => links.length === 2 && state === 'ready');
  for (const pod of all) await say(pod, { kind: 'publish', texts: texts(50) });
  await until(all, ({ size }) => size === published);
  console.log('linked: three pods in three namespaces');

  run('ip', 'link', 'set', 'cable2', 'down');
  await until([a, b], ({ links }) => links.length === 1);
  await until([c], ({ links }) => links.length === 0);
  for (const pod of all) await say(pod, { kind: 'publish', texts: texts(50) });
  await until([a, b], ({ size }) => size === published - 50);
  run('ip', 'link', 'set', 'cable2', 'up');
  await until(all, ({ links, size }) => links.length === 2 && size === published);
  console.log('pulled: a cable, and put back');

  run('tc', 'qdisc', 'add', 'dev', 'cable2', 'root', 'tbf', 'rate', '8kbit', 'burst', '2k', 'latency', '200ms');
  for (const pod of [a, b]) await say(pod, { kind: 'publish', texts: texts(200) });
  await until([a, b], ({ size }) => size === published);
  run('tc', 'qdisc', 'del', 'dev', 'cable2', 'root');
  await until(all, ({ links, size }) => links.length === 2 && size === published);
  console.log('slowed: a cable to 1 KiB/s, with loss');
  await until(all, ({ complaints }) => {
    assert.deepEqual(complaints, []);
    return true;
  });
  console.log('checked: nothing came twice, out of order or not at all');
} finally {
  for (const { pod } of pods) pod.kill('SIGKILL');
}
