// The same while pods are killed, and started again, at random. One is down at a time, as a copy on one other pod is what an
// acknowledgement promises; which one, and how long the pods have peace between, a seed says.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seededRandom } from '../../src/testing/index.js';
import { ClientProcesses } from './support/mesh/client-processes.js';
import { Publishing } from './support/mesh/publishing.js';
import { ClusterPods } from './support/mesh/cluster-pods.js';

const CLIENTS = 300;
const EVENTS = 10_000;
const RATE = 700;
const KILLS = 5;
const STREAMS = ['orders', 'news', 'presence/of users'];
const SEED = Number(process.env['MESH_SEED'] ?? 20_261_122);

describe(`a mesh whose pods are killed, seed ${SEED}`, { timeout: 120_000 }, () => {
  let pods: ClusterPods;
  before(async () => {
    // Who was away resumes within the history: that of the default, 1,000 events, is over in a second at this rate.
    pods = await ClusterPods.start(['--history-events', '20000']);
  });
  after(async () => await pods?.[Symbol.asyncDispose]());

  it('loses no acknowledged event, repeats none, and keeps the order', async (t) => {
    const all = pods.urls;
    using clients = await ClientProcesses.start({
      clients: CLIENTS,
      processes: 2,
      streams: STREAMS,
      targets: all,
      seed: SEED,
    });
    const random = seededRandom(SEED);
    const publishing = new Publishing({
      targets: () => all,
      streams: STREAMS,
      random,
      keys: false,
      rate: RATE,
      copies: 2,
    });
    try {
      const killed: string[] = [];
      const killSome = async (): Promise<void> => {
        while (killed.length < KILLS) {
          await pause(300 + random() * 900);
          const name = pods.names[Math.floor(random() * pods.names.length)] ?? '';
          await pods.kill(name);
          killed.push(name);
          await pods.allReady();
        }
      };
      await publishing.publishDuring(EVENTS, killSome());
      await publishing.publishLast();
      const report = await clients.report(publishing.table, 60_000);
      const { counts, origins } = publishing;
      t.diagnostic(
        JSON.stringify({
          ...report,
          ...counts,
          runs: origins.length,
          slowest: publishing.slowest,
          killed: killed.join(),
        }),
      );
      const log = (): string => `seed ${SEED}: ${JSON.stringify(report)}`;
      assert.ok(report.reconnects >= KILLS, 'clients went elsewhere');
      const { complete, missing, repeats, disordered, gaps } = report;
      assert.deepEqual(
        { complete, missing, repeats, disordered },
        { complete: true, missing: 0, repeats: 0, disordered: 0 },
        log(),
      );
      // A gap may tell of an event that its pod took along: it had been answered to nobody.
      assert.ok(!gaps.some((gap) => publishing.wasPromised(gap)), log());
      assert.ok(counts.acknowledged > EVENTS * 0.9, `${counts.acknowledged} were acknowledged`);
    } finally {
      publishing.close();
    }
  });
});

async function pause(milliseconds: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
