import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PodStatus } from '../../src/serve/index.js';
import { startCluster, type Cluster, type ClusterPod } from '../../src/testing/index.js';
import { temporaryFolder } from '../support/folder.js';

async function statusOf({ events }: ClusterPod): Promise<PodStatus> {
  return (await (await fetch(new URL('/status', events))).json()) as PodStatus;
}

/** Waits until all pods are ready, and each is linked to the runs of the others. */
async function untilLinked(cluster: Cluster): Promise<void> {
  for (;;) {
    const statuses = await Promise.all(cluster.pods.map((pod) => statusOf(pod).catch(() => undefined)));
    const origins = statuses.map((status) => status?.origin);
    const linked = statuses.every((status) => {
      const others = new Set(origins.filter((origin) => origin !== status?.origin));
      return (
        status?.state === 'ready' && status.links.every(({ origin }) => others.has(origin)) && status.links.length === 2
      );
    });
    if (linked && statuses.length === 3) return;
    await sleep(50);
  }
}

async function publish(pod: ClusterPod | undefined): Promise<number> {
  const url = new URL('/publish?stream=news&ack=all', pod?.events);
  const response = await fetch(url, { method: 'POST', body: 'hello' });
  assert.equal(response.status, 200);
  return ((await response.json()) as { acks: number }).acks;
}

describe('pods that share 127.0.0.1, as on macOS', { timeout: 60_000 }, () => {
  it('find one another by their ports, with a secret, also when they are replaced and killed', async () => {
    using folder = temporaryFolder();
    const secretFile = join(folder.path, 'secret');
    writeFileSync(secretFile, 'a secret of this test alone\n');
    await using cluster = await startCluster({
      podNetwork: 'ports',
      serve: { secretFile, args: ['--history-events', '77'] },
    });
    assert.ok(cluster.pods.every(({ ip }) => ip === '127.0.0.1'));
    assert.equal(new Set(cluster.pods.flatMap(({ port, internalPort }) => [port, internalPort])).size, 6);
    await untilLinked(cluster);
    assert.equal(await publish(cluster.pods[0]), 3);
    const [first] = cluster.pods;
    const successor = await cluster.replace(first?.name ?? '');
    assert.notEqual(successor?.port, first?.port);
    await untilLinked(cluster);
    assert.equal(await publish(successor), 3);
    await cluster.kill(cluster.pods[1]?.name ?? '');
    await untilLinked(cluster);
    assert.equal(await publish(cluster.pods[1]), 3);
  });
});
