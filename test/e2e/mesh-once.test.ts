// Three pods, as `npm start` runs them, found through the embedded API server; 300 clients of event streams and 10,000 events that are published on pods at
// random: each client gets each event once, and those of one pod in the order in which that pod has published them.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { seededRandom } from '../../src/testing/index.js';
import { startClusterProcess, type ClusterProcess } from './support/cluster.js';
import { ClientProcesses } from './support/mesh/client-processes.js';
import { Publishing } from './support/mesh/publishing.js';

const CLIENTS = 300;
const EVENTS = 10_000;
const STREAMS = ['orders', 'news', 'presence/of users'];
const SEED = 20_261_121;

describe('a mesh of three pods', { timeout: 90_000 }, () => {
  let cluster: ClusterProcess;
  before(async () => {
    cluster = await startClusterProcess();
  });
  after(async () => await cluster?.stop());

  it('gives every client every event once, and in order', async (t) => {
    const targets = cluster.pods.map(({ events }) => new URL(events).origin);
    using clients = await ClientProcesses.start({
      clients: CLIENTS,
      processes: 2,
      streams: STREAMS,
      targets,
      seed: SEED,
    });
    const random = seededRandom(SEED);
    const publishing = new Publishing({
      targets: () => targets,
      streams: STREAMS,
      random,
      keys: false,
      rate: 1_000,
      copies: 2,
    });
    try {
      await publishing.publish(EVENTS);
      await publishing.publishLast();
      const report = await clients.report(publishing.table, 60_000);
      t.diagnostic(JSON.stringify({ ...report, ...publishing.counts }));
      assert.deepEqual(publishing.counts, {
        published: EVENTS + 3,
        acknowledged: EVENTS + 3,
        weak: 0,
        unknown: 0,
        retries: 0,
      });
      assert.equal(publishing.origins.length, 3);
      assert.deepEqual(report, {
        clients: CLIENTS,
        received: CLIENTS * (EVENTS + 3),
        extra: 0,
        missing: 0,
        repeats: 0,
        disordered: 0,
        reconnects: 0,
        failures: 0,
        gaps: [],
        examples: [],
        complete: true,
      });
    } finally {
      publishing.close();
    }
  });
});
