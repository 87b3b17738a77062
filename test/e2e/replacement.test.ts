import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { projectRoot } from '../support/project-root.js';
import { isAlive, startClusterProcess, type ClusterProcess } from './support/cluster.js';
import { kubectl, type KubectlResult } from './support/kubectl.js';

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
    readonly status: { readonly podIP: string; readonly conditions: readonly { type: string; status: string }[] };
  }[];
}

type Kubectl = (...args: readonly string[]) => Promise<KubectlResult>;

function kubectlOf(cluster: () => ClusterProcess): Kubectl {
  return async (...args) => {
    const result = await kubectl(args, { server: cluster().apiServer });
    assert.equal(result.code, 0, result.stderr);
    return result;
  };
}

async function podsOf({ apiServer }: ClusterProcess): Promise<Listed['items']> {
  return ((await (await fetch(`${apiServer}/api/v1/namespaces/default/pods`)).json()) as Listed).items;
}

/** Waits until so many pods are there, all of them ready; returns their names. */
async function untilReady(cluster: ClusterProcess, count: number): Promise<readonly string[]> {
  for (;;) {
    const pods = await podsOf(cluster);
    const ready = pods.filter(({ metadata, status }) => {
      const condition = status.conditions.find(({ type }) => type === 'Ready');
      return condition?.status === 'True' && metadata.deletionTimestamp === undefined;
    });
    if (ready.length === count && pods.length === count) return ready.map(({ metadata }) => metadata.name);
    await sleep(50);
  }
}

describe('kubectl delete pod', { timeout: 120_000 }, () => {
  let cluster: ClusterProcess;
  const run = kubectlOf(() => cluster);
  before(async () => {
    cluster = await startClusterProcess(['--pods', '2']);
  });
  after(() => cluster?.stop());

  it('waits until the pod is gone, and another one has its place', async () => {
    const [old] = cluster.pods;
    const { stdout } = await run('delete', 'pod', old?.name ?? '');
    assert.match(stdout, new RegExp(`^pod "${old?.name}" deleted`));
    assert.ok(!isAlive(old?.pid ?? 0));
    const gone = await kubectl(['get', 'pod', old?.name ?? ''], { server: cluster.apiServer });
    assert.match(gone.stderr, /not found/);
    const pods = await untilReady(cluster, 2);
    assert.ok(!pods.includes(old?.name ?? ''));
  });

  it('need not wait, may use force, and may only look', async () => {
    const [first = '', second = ''] = await untilReady(cluster, 2);
    await run('delete', 'pod', first, '--dry-run=server');
    assert.ok((await untilReady(cluster, 2)).includes(first));
    await run('delete', 'pod', first, '--wait=false');
    await run('wait', '--for=delete', `pod/${first}`, '--timeout=60s');
    const forced = await run('delete', 'pod', second, '--grace-period=0', '--force');
    assert.match(forced.stdout, /force deleted/);
    const pods = await untilReady(cluster, 2);
    assert.ok(!pods.includes(first) && !pods.includes(second));
    const missing = await kubectl(['delete', 'pod', first], { server: cluster.apiServer });
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /NotFound|not found/);
  });

  it('by label replaces all', async () => {
    const old = await untilReady(cluster, 2);
    await run('delete', 'pods', '-l', 'app=trunkline-serve');
    const pods = await untilReady(cluster, 2);
    assert.ok(!pods.some((name) => old.includes(name)));
  });

  it('is seen by those who watch, and by Services', async () => {
    const [old = ''] = await untilReady(cluster, 2);
    let shown = '';
    const watching = kubectl(['get', 'pods', '-w', '--output-watch-events'], {
      server: cluster.apiServer,
      onOutput: (text, kill) => {
        shown += text;
        if (new RegExp(`^DELETED\\s+${old}\\s`, 'm').test(shown)) kill();
      },
    });
    while (!shown.includes(old)) await sleep(20);
    await run('delete', 'pod', old);
    await watching;
    assert.match(shown, new RegExp(`^MODIFIED\\s+${old}\\s+\\d/1\\s+Terminating`, 'm'));
    assert.match(shown, /^ADDED\s+trunkline-serve-\S+\s+0\/1\s+/m);
    await untilReady(cluster, 2);
    const { items } = JSON.parse((await run('get', 'endpointslices', '-o', 'json')).stdout) as {
      items: { endpoints: { addresses: string[] }[] }[];
    };
    const pods = await podsOf(cluster);
    const ips = pods.map(({ status }) => status.podIP).toSorted();
    for (const { endpoints } of items) {
      assert.deepEqual(endpoints.flatMap(({ addresses }) => addresses).toSorted(), ips);
    }
  });
});

/** Follows an event stream until an event with this text comes, and returns its id. */
async function idOf(events: URL, text: string): Promise<string> {
  const response = await fetch(events);
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  let received = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    received += chunk;
    // What was missed would come before.
    assert.doesNotMatch(received, /^event: gap/m);
    const block = received.split('\n\n').find((one) => one.includes(text));
    if (block !== undefined && received.includes(`${block}\n\n`)) return /^id: (.*)$/m.exec(block)?.[1] ?? '';
  }
  throw new Error(`the stream ended without ${text}: ${received}`);
}

describe('the pods of the cluster', { timeout: 120_000 }, () => {
  const example = join(projectRoot, 'examples', 'mesh-cluster.js');
  const programs: readonly (readonly [string, readonly string[], string])[] = [
    ['trunkline serve', [], 'ticks'],
    ['examples/mesh-cluster.js', ['--', process.execPath, example], 'news'],
  ];
  for (const [what, args, stream] of programs) {
    it(`share what is published, and hand it on when all are replaced: ${what}`, async () => {
      const cluster = await startClusterProcess(['--pods', '3', ...args]);
      const run = kubectlOf(() => cluster);
      try {
        const [one = '', two = '', three = ''] = cluster.pods.map(({ events }) => events);
        const publish = async (events: string, text: string): Promise<void> => {
          const url = new URL(`/publish?stream=${stream}`, events);
          assert.equal((await fetch(url, { method: 'POST', body: text })).status, 200);
        };
        const first = idOf(new URL(`/events?stream=${stream}`, one), 'published 1');
        // Again and again, until the follower is there to see it.
        const over = new AbortController();
        void first.finally(() => over.abort()).catch(() => {});
        while (!over.signal.aborted) await publish(two, 'published 1');
        await publish(three, 'published 2');

        const old = await untilReady(cluster, 3);
        for (const name of old) {
          await run('delete', 'pod', name);
          await untilReady(cluster, 3);
        }
        const pods = await podsOf(cluster);
        assert.ok(!pods.some(({ metadata }) => old.includes(metadata.name)));
        // None of those that took the event is left, and all that are have it.
        const cursor = await first;
        for (const { status } of pods) {
          const events = new URL(`/events?stream=${stream}&cursor=${encodeURIComponent(cursor)}`, one);
          events.hostname = status.podIP;
          assert.notEqual(await idOf(events, 'published 2'), '');
        }
      } finally {
        await cluster.stop();
      }
    });
  }
});
