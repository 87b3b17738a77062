// Each pod is replaced, one after the other: SIGTERM for the one, while a new one starts at another address, and events are
// published and followed all the time.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seededRandom } from '../../src/testing/index.js';
import { ClientProcesses } from './support/mesh/client-processes.js';
import { Publishing } from './support/mesh/publishing.js';
import { ClusterPods } from './support/mesh/cluster-pods.js';

const CLIENTS = 300;
const EVENTS = 10_000;
const RATE = 700;
const STREAMS = ['orders', 'news', 'presence/of users'];
const SEED = 20_261_123;
/** Milliseconds for handing over, and in all: what is between the two is for ending the process. */
const DRAIN = 10_000;
const GRACE = 15_000;

describe('a rolling replacement of all pods', { timeout: 120_000 }, () => {
  let pods: ClusterPods;
  before(async () => {
    pods = await ClusterPods.start(['--history-events', '20000', '--drain-timeout', `${DRAIN}ms`]);
  });
  after(async () => await pods?.[Symbol.asyncDispose]());

  it('loses nothing, without a gap, and each pod goes in time', async (t) => {
    const all = pods.urls;
    using clients = await ClientProcesses.start({
      clients: CLIENTS,
      processes: 2,
      streams: STREAMS,
      targets: all,
      seed: SEED,
    });
    const random = seededRandom(SEED);
    pods.onURLs((urls) => clients.setTargets(urls));
    const publishing = new Publishing({
      targets: () => pods.urls,
      streams: STREAMS,
      random,
      keys: true,
      rate: RATE,
      copies: 2,
    });
    try {
      const stopped: number[] = [];
      const replaceAll = async (): Promise<void> => {
        for (const [index, name] of pods.names.entries()) {
          await publishing.reached(((index + 1) * EVENTS) / (pods.names.length + 1));
          stopped.push(await pods.replace(name, GRACE));
        }
      };
      await publishing.publishDuring(EVENTS, replaceAll());
      await publishing.publishLast();
      const report = await clients.report(publishing.table, 60_000);
      const { counts, origins } = publishing;
      t.diagnostic(
        JSON.stringify({ ...report, ...counts, runs: origins.length, slowest: publishing.slowest, stopped }),
      );
      const { complete, missing, repeats, disordered, gaps, extra } = report;
      assert.deepEqual(
        { complete, missing, repeats, disordered, gaps, extra },
        { complete: true, missing: 0, repeats: 0, disordered: 0, gaps: [], extra: 0 },
        `${JSON.stringify(report)}`,
      );
      assert.deepEqual({ weak: counts.weak, unknown: counts.unknown }, { weak: 0, unknown: 0 });
      assert.equal(origins.length, 6, 'each pod took events before and after');
      // Past it they would have been killed.
      for (const took of stopped) assert.ok(took < GRACE, `${took} ms`);
    } finally {
      publishing.close();
    }
  });
});
