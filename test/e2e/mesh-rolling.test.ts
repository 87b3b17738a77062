// Each pod is replaced, one after the other, as a Deployment does it: SIGTERM, and a new one when it is gone, while events are
// published and followed all the time.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seededRandom } from '../../src/testing/index.js';
import { ClientProcesses } from './support/mesh/client-processes.js';
import { Publishing } from './support/mesh/publishing.js';
import { ServePods } from './support/mesh/serve-pods.js';

const CLIENTS = 300;
const EVENTS = 10_000;
const RATE = 700;
const STREAMS = ['orders', 'news', 'presence/of users'];
const SEED = 20_261_123;
/** Milliseconds for handing over, and in all: what is between the two is for ending the process. */
const DRAIN = 10_000;
const GRACE = 15_000;

describe('a rolling replacement of all pods', { timeout: 120_000 }, () => {
  let pods: ServePods;
  before(async () => {
    pods = new ServePods(3, '127.71.3', ['--history-events', '20000', '--drain-timeout', `${DRAIN}ms`]);
    await pods.startAll();
  });
  after(async () => await pods?.[Symbol.asyncDispose]());

  it('loses nothing, without a gap, and each pod goes in time', async (t) => {
    const all = pods.names.map((name) => pods.url(name));
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
      keys: true,
      rate: RATE,
      copies: 2,
    });
    try {
      let over = false;
      const published = publishing.publish(EVENTS).finally(() => (over = true));
      const stopped: { readonly code: number | null; readonly took: number }[] = [];
      for (const [index, name] of pods.names.entries()) {
        await publishing.reached(((index + 1) * EVENTS) / (pods.names.length + 1));
        stopped.push(await pods.stop(name, 'SIGTERM'));
        await pods.start(name);
      }
      assert.equal(over, false, 'events were published all the while');
      await published;
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
        `${JSON.stringify(report)}\n${pods.log()}`,
      );
      assert.deepEqual({ weak: counts.weak, unknown: counts.unknown }, { weak: 0, unknown: 0 });
      assert.equal(origins.length, 6, 'each pod took events before and after');
      for (const { code, took } of stopped) {
        assert.equal(code, 0);
        assert.ok(took < GRACE, `${took} ms`);
      }
    } finally {
      publishing.close();
    }
  });
});
