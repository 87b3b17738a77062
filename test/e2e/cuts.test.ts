import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { exec } from '../../src/remotecommand/index.js';
import { startClusterProcess, type ClusterProcess } from './support/cluster.js';
import { cutUpgrades, type Cut, type CuttingProxy } from './support/cutting-proxy.js';
import { kubectl } from './support/kubectl.js';

/** Within the request, the handshake's answer, the opening of streams, the first output, and bulk data. */
const CUTS: readonly Cut[] = [
  { direction: 'request', bytes: 1 },
  { direction: 'request', bytes: 120 },
  { direction: 'request', bytes: 700 },
  { direction: 'request', bytes: 800 },
  { direction: 'request', bytes: 50_000 },
  { direction: 'response', bytes: 1 },
  { direction: 'response', bytes: 60 },
  { direction: 'response', bytes: 200 },
  { direction: 'response', bytes: 260 },
  { direction: 'response', bytes: 50_000 },
];
const COMMAND = ['sh', '-c', 'echo ready; cat; sleep 60'];

/** What a process holds: open descriptors and the processes below it. */
function holdings(pid: number): { descriptors: number; descendants: number } {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (state !== 'Z') parents.set(Number(name), Number(parent));
    } catch {
      // It ended meanwhile.
    }
  }
  const below = (id: number): number[] =>
    [...parents].filter(([, parent]) => parent === id).flatMap(([child]) => [child, ...below(child)]);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, descendants: below(pid).length };
}

describe('a connection that is cut', () => {
  let cluster: ClusterProcess;
  let proxy: CuttingProxy;
  let pod: string;
  let baseline: ReturnType<typeof holdings>;

  before(async () => {
    cluster = await startClusterProcess(['--pods', '1']);
    proxy = await cutUpgrades(cluster.apiServer);
    pod = cluster.pods[0]?.name ?? '';
    // Once around, so that what is kept for ever (a connection kept alive, a module loaded) is part of the baseline.
    for (const wire of ['websocket', 'spdy'] as const) {
      await kubectl(['exec', '-i', pod, '--', 'true'], { server: cluster.apiServer, wire, input: 'x' });
    }
    await sleep(6_000);
    baseline = holdings(cluster.process.pid ?? 0);
  });
  after(async () => {
    await proxy?.close();
    await cluster?.stop();
  });

  const settled = async (): Promise<void> => {
    let now = holdings(cluster.process.pid ?? 0);
    for (let tries = 0; tries < 150; tries++) {
      now = holdings(cluster.process.pid ?? 0);
      if (now.descriptors <= baseline.descriptors && now.descendants <= baseline.descendants) return;
      await sleep(100);
    }
    assert.deepEqual(now, baseline);
  };

  for (const wire of ['websocket', 'spdy'] as const) {
    it(`kubectl over ${wire}, at each stage: the server keeps nothing`, async () => {
      for (const cut of CUTS) {
        const earlier = proxy.cuts();
        proxy.cut = cut;
        const input = Buffer.alloc(200_000, 'x');
        await kubectl(['exec', '-i', pod, '--', ...COMMAND], { server: proxy.url, wire, input, timeout: 20_000 });
        assert.ok(proxy.cuts() > earlier, `${JSON.stringify(cut)} was never reached`);
      }
      await settled();
      const { stdout } = await kubectl(['exec', pod, '--', 'echo', 'still here'], { server: cluster.apiServer, wire });
      assert.equal(stdout, 'still here\n');
    });

    it(`our client over ${wire}, at each stage: an error, never a success; the server keeps nothing`, async () => {
      for (const cut of CUTS) {
        proxy.cut = cut;
        await assert.rejects(
          exec({ server: proxy.url, pod }, { command: COMMAND, stdin: Buffer.alloc(200_000, 'x'), transport: wire }),
          { code: 'ERR_CONNECTION_LOST' },
          JSON.stringify(cut),
        );
      }
      await settled();
    });
  }

  it('kubectl killed in the middle: its command is ended', async () => {
    for (const wire of ['websocket', 'spdy'] as const) {
      await kubectl(['exec', pod, '--', ...COMMAND], {
        server: cluster.apiServer,
        wire,
        timeout: 700,
      });
    }
    await settled();
  });
});
