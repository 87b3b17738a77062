// What the finders rest on, seen by others: kubectl, the Watch and the informer of @kubernetes/client-node, and client-go
// read pods and EndpointSlices of our API server, with and without faults.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CoreV1Api, DiscoveryV1Api, makeInformer, Watch, type V1Pod } from '@kubernetes/client-node';
import { eventually, FINDERS, meshPod, Reader, TestAPI } from '../conformance/peer-finders-support.js';
import type { Peer } from '../../src/kubernetes/index.js';
import { startGo } from './support/go-programs.js';
import { kubectl, type KubectlResult } from '../e2e/support/kubectl.js';

const PODS = '/api/v1/namespaces/team/pods';
const three = (): ReturnType<typeof meshPod>[] =>
  ['a', 'b', 'c'].map((name, index) => meshPod(name, `10.0.0.${index + 1}`));

describe('kubectl', () => {
  const run = (api: TestAPI, ...args: readonly string[]): Promise<KubectlResult> =>
    kubectl(['-n', 'team', ...args], { server: api.server.url });

  test('lists pods in chunks', async () => {
    await using api = await TestAPI.start(three());
    let lists = 0;
    const count = (): void => void api.faults.nextRequest({ verb: 'list' }).then(() => (lists++, count()));
    count();
    const { stdout, stderr, code } = await run(api, 'get', 'pods', '--chunk-size=1');
    assert.equal(code, 0, stderr);
    assert.deepEqual(
      stdout.split('\n').map((line) => line.split(' ')[0]),
      ['NAME', 'a', 'b', 'c', ''],
    );
    assert.equal(lists, 3);
  });

  test('is told when a chunk is asked for too late', async () => {
    await using api = await TestAPI.start(three());
    api.faults.script({ verb: 'list' }, { kind: 'none' }, { kind: 'gone', form: 'status' });
    const { stderr, code } = await run(api, 'get', 'pods', '--chunk-size=1');
    assert.equal(code, 1);
    assert.match(stderr, /Expired/);
  });

  test('shows EndpointSlices and Services', async () => {
    await using api = await TestAPI.start(three());
    const slices = await run(api, 'get', 'endpointslices');
    assert.match(
      slices.stdout,
      /^NAME +ADDRESSTYPE +PORTS +ENDPOINTS +AGE\nweb-\w{5} +IPv4 +7100 +10\.0\.0\.1,10\.0\.0\.2,10\.0\.0\.3 /,
    );
    const described = await run(api, 'describe', 'endpointslices');
    assert.match(described.stdout, /TargetRef: +Pod\/c/);
    const services = await run(api, 'get', 'services', '-o', 'wide');
    assert.match(services.stdout, /web +ClusterIP +None +<none> +7000\/TCP +\S+ +app=web/);
    const selected = await run(api, 'get', 'endpointslices', '-l', 'kubernetes.io/service-name=web', '-o', 'name');
    assert.match(selected.stdout, /^endpointslice\.discovery\.k8s\.io\/web-/);
  });

  test('follows pods and EndpointSlices', async () => {
    await using api = await TestAPI.start(three());
    for (const [resource, expected] of [
      ['pods', /^late /m],
      ['endpointslices', /10\.0\.0\.2,10\.0\.0\.3 \+ 1 more/],
    ] as const) {
      let text = '';
      api.runtime.pods.delete('team', 'late');
      const watching = api.faults.nextRequest({ resource, verb: 'watch' });
      const outcome = kubectl(['-n', 'team', 'get', resource, '-w'], {
        server: api.server.url,
        onOutput: (piece, kill) => {
          text += piece;
          if (expected.test(text)) kill();
        },
      });
      await watching;
      api.runtime.pods.put(meshPod('late', '10.0.0.9'));
      const { stderr } = await outcome;
      assert.match(text, expected, stderr);
    }
  });

  test('hears of both forms of 410', async () => {
    await using api = await TestAPI.start(three());
    api.faults.script({ verb: 'watch' }, { kind: 'gone', form: 'status' }, { kind: 'gone' });
    const status = await run(api, 'get', 'pods', '-w');
    assert.equal(status.code, 1);
    assert.match(status.stderr, /Expired/);
    const event = await run(api, 'get', 'pods', '-w');
    assert.match(event.stdout, /Failure +Expired/);
  });
});

describe('the Watch of client-node', () => {
  test('reads pods as they change, until the watch ends', async () => {
    await using api = await TestAPI.start(three());
    const seen: string[] = [];
    let done: (error: unknown) => void = () => {};
    const ended = new Promise((resolve) => (done = resolve));
    await new Watch(api.config).watch(
      PODS,
      { labelSelector: 'app=web' },
      (phase: string, pod: V1Pod) => seen.push(`${phase} ${pod.metadata?.name}`),
      done,
    );
    await eventually(() => seen.length === 3);
    api.runtime.pods.delete('team', 'b');
    await eventually(() => seen.length === 4);
    assert.deepEqual(seen, ['ADDED a', 'ADDED b', 'ADDED c', 'DELETED b']);
    api.faults.end();
    assert.equal(await ended, null);
  });

  test('reads lists in chunks and EndpointSlices with the typed clients', async () => {
    await using api = await TestAPI.start(three());
    const core = api.config.makeApiClient(CoreV1Api);
    const first = await core.listNamespacedPod({ namespace: 'team', limit: 2 });
    assert.deepEqual([first.items.length, first.metadata?.remainingItemCount], [2, 1]);
    const second = await core.listNamespacedPod({
      namespace: 'team',
      limit: 2,
      _continue: first.metadata?._continue ?? '',
    });
    assert.deepEqual([second.items[0]?.metadata?.name, second.metadata?._continue], ['c', undefined]);
    const { items } = await api.config.makeApiClient(DiscoveryV1Api).listNamespacedEndpointSlice({ namespace: 'team' });
    assert.deepEqual(
      items[0]?.endpoints.map(({ addresses, targetRef }) => [addresses[0], targetRef?.name]),
      [
        ['10.0.0.1', 'a'],
        ['10.0.0.2', 'b'],
        ['10.0.0.3', 'c'],
      ],
    );
  });
});

describe('a finder beside the informer of client-node', () => {
  test('both follow pods; a connection that breaks stops the one, not the other', async () => {
    await using api = await TestAPI.start(three());
    const core = api.config.makeApiClient(CoreV1Api);
    const informer = makeInformer(api.config, PODS, () => core.listNamespacedPod({ namespace: 'team' }));
    const added: (string | undefined)[] = [];
    informer.on('add', (pod) => added.push(pod.metadata?.name));
    const failed = new Promise((resolve) => informer.on('error', resolve));
    await informer.start();
    await using reader = new Reader(FINDERS['pods'] ?? assert.fail(), api);
    assert.equal((await reader.next()).length, 3);
    await eventually(() => api.faults.watching({ resource: 'pods' }) === 2);
    api.runtime.pods.put(meshPod('d', '10.0.0.4'));
    await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
    await eventually(() => added.length === 4);
    assert.deepEqual(added, ['a', 'b', 'c', 'd']);
    api.faults.kill({ resource: 'pods' });
    await failed;
    api.runtime.pods.put(meshPod('e', '10.0.0.5'));
    await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5');
    assert.equal(informer.get('e', 'team'), undefined);
    await informer.stop();
  });

  test('both list again after an ERROR event of 410', async () => {
    await using api = await TestAPI.start(three());
    const core = api.config.makeApiClient(CoreV1Api);
    const informer = makeInformer(api.config, PODS, () => core.listNamespacedPod({ namespace: 'team' }));
    const added: (string | undefined)[] = [];
    informer.on('add', (pod) => added.push(pod.metadata?.name));
    informer.on('error', () => {});
    await informer.start();
    await using reader = new Reader(FINDERS['pods'] ?? assert.fail(), api);
    await reader.next();
    await eventually(() => api.faults.watching({ resource: 'pods' }) === 2);
    api.faults.gone({ resource: 'pods' });
    api.runtime.pods.put(meshPod('d', '10.0.0.4'));
    await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
    await eventually(() => added.includes('d'));
    // To stop before its watch has begun would leave it open.
    await eventually(() => api.faults.watching({ resource: 'pods' }) === 2);
    await informer.stop();
  });
});

interface GoLine {
  readonly type: string;
  readonly resource: string;
  readonly name: string;
  readonly count: number;
}

test('the pager and the informers of client-go, through every fault of a watch', { timeout: 300_000 }, async () => {
  await using api = await TestAPI.start(three());
  const go = startGo<GoLine>('podinformer', ['-url', api.server.url, '-namespace', 'team'], 120_000);
  try {
    assert.equal((await go.line(({ type }) => type === 'PAGED')).count, 3);
    await go.line(({ type }) => type === 'SYNCED');
    const faults = [
      (): number => 2,
      (): number => api.faults.kill(),
      (): number => api.faults.truncate(),
      (): number => api.faults.truncate({}, 'end'),
      (): number => api.faults.gone(),
      (): number => api.faults.end(),
      (): number => {
        api.faults.script({ verb: 'watch' }, { kind: 'gone', form: 'status' }, { kind: 'unavailable' });
        return api.faults.kill();
      },
    ];
    for (const [index, befall] of faults.entries()) {
      await eventually(() => api.faults.watching() === 2);
      assert.equal(befall(), 2);
      const count = index + 4;
      api.runtime.pods.put(meshPod(`p${count}`, `10.0.0.${count}`));
      await go.line(({ type, name }) => type === 'ADD' && name === `p${count}`);
      await go.line(({ resource, count: endpoints }) => resource === 'endpointslices' && endpoints === count);
    }
    api.runtime.pods.delete('team', 'a');
    await go.line(({ type, name }) => type === 'DELETE' && name === 'a');
  } finally {
    go.process.kill();
    await go.finished;
  }
});

test('a finder finds the pods of a cluster of processes', async () => {
  const { startCluster } = await import('../../src/testing/index.js');
  await using cluster = await startCluster({ pods: 2 });
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  config.loadFromClusterAndUser({ name: 'c', server: cluster.apiServer, skipTLSVerify: true }, { name: 'u' });
  const { PodPeerFinder } = await import('../../src/kubernetes/index.js');
  const self = { name: cluster.pods[0]?.name ?? '' };
  const finder = new PodPeerFinder({ config, labelSelector: 'app=trunkline-serve', portName: 'http', self });
  const sets = finder.peers();
  assert.deepEqual(
    (await sets.next()).value?.map(({ host, port, self: own }: Peer) => `${host} ${port} ${own}`),
    cluster.pods.map(({ ip, port }, index) => `${ip} ${port} ${index === 0}`).toSorted(),
  );
  await sets.return?.();
});
