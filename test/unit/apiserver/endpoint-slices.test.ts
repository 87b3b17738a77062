import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  EndpointSliceController,
  MemoryStore,
  type Endpoint,
  type EndpointSlice,
  type Pod,
  type Service,
} from '../../../src/apiserver/index.js';
import { send, testPod, withServer } from './support.js';

const service = (change: Partial<Service['spec']> = {}, name = 'web'): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    creationTimestamp: '2026-01-01T00:00:00Z',
    labels: { l: '1' },
  },
  spec: {
    clusterIP: 'None',
    selector: { app: 'web' },
    ports: [{ name: 'mesh', port: 80, targetPort: 7000 }],
    ...change,
  },
});

function pod(name: string, ips: readonly string[], change: (one: Pod) => Pod = (one) => one): Pod {
  const base = testPod(name);
  return change({
    ...base,
    metadata: { ...base.metadata, labels: { app: 'web' } },
    status: {
      phase: 'Running',
      ...(ips[0] === undefined ? {} : { podIP: ips[0] }),
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '' }],
    },
  });
}

class Setup {
  readonly pods = new MemoryStore<Pod>();
  readonly services = new MemoryStore<Service>();
  readonly slices = new MemoryStore<EndpointSlice>();
  readonly controller: EndpointSliceController;

  constructor(maxEndpointsPerSlice = 100) {
    const { pods, services, slices } = this;
    this.controller = new EndpointSliceController({ pods, services, slices, maxEndpointsPerSlice });
  }

  /** Addresses by slice, once what was changed has been seen to. */
  async addresses(): Promise<string[]> {
    await Promise.resolve();
    return this.slices.list().items.map(({ addressType, endpoints }) => {
      return `${addressType} ${endpoints.flatMap(({ addresses }) => addresses).join(',')}`;
    });
  }

  endpoint(): Endpoint | undefined {
    return this.slices.list().items[0]?.endpoints[0];
  }
}

describe('EndpointSliceController', () => {
  it('keeps slices in step with Services and pods', async () => {
    const setup = new Setup();
    setup.pods.put(pod('a', ['10.0.0.1']));
    assert.deepEqual(await setup.addresses(), []);
    setup.services.put(service());
    assert.deepEqual(await setup.addresses(), ['IPv4 10.0.0.1']);
    setup.pods.put(pod('b', ['10.0.0.2']));
    setup.pods.put(pod('c', ['10.0.0.3'], (one) => ({ ...one, metadata: { ...one.metadata, labels: { app: 'x' } } })));
    setup.pods.put(pod('d', ['10.0.0.4'], (one) => ({ ...one, metadata: { ...one.metadata, namespace: 'other' } })));
    setup.pods.put(pod('e', ['10.0.0.5'], (one) => ({ ...one, status: { ...one.status, phase: 'Succeeded' } })));
    setup.pods.put(pod('f', []));
    assert.deepEqual(await setup.addresses(), ['IPv4 10.0.0.1,10.0.0.2']);
    setup.pods.delete('default', 'a');
    assert.deepEqual(await setup.addresses(), ['IPv4 10.0.0.2']);
    setup.services.delete('default', 'web');
    assert.deepEqual(await setup.addresses(), []);
  });

  it('says what an endpoint is, as upstream does', async () => {
    const setup = new Setup();
    setup.services.put(service());
    setup.pods.put(pod('a', ['10.0.0.1']));
    await setup.addresses();
    const [slice] = setup.slices.list().items;
    assert.deepEqual(slice?.endpoints, [
      {
        addresses: ['10.0.0.1'],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: 'local',
        targetRef: { kind: 'Pod', namespace: 'default', name: 'a', uid: 'uid-a' },
      },
    ]);
    assert.deepEqual(slice?.ports, [{ name: 'mesh', protocol: 'TCP', port: 7000 }]);
    assert.match(slice?.metadata.name ?? '', /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    assert.deepEqual(slice?.metadata.labels, {
      l: '1',
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
      'service.kubernetes.io/headless': '',
    });
    assert.equal(slice?.metadata.ownerReferences?.[0]?.uid, 'uid-web');
  });

  it('tells ready, serving and terminating apart', async () => {
    const conditions: [Partial<Service['spec']>, (one: Pod) => Pod, string][] = [
      [{}, (one) => ({ ...one, status: { ...one.status, conditions: [] } }), 'false false false'],
      [{}, (one) => ({ ...one, metadata: { ...one.metadata, deletionTimestamp: 'now' } }), 'false true true'],
      [
        { publishNotReadyAddresses: true },
        (one) => ({ ...one, status: { ...one.status, conditions: [] } }),
        'true false false',
      ],
    ];
    for (const [spec, change, expected] of conditions) {
      const setup = new Setup();
      setup.services.put(service(spec));
      setup.pods.put(pod('a', ['10.0.0.1'], change));
      await setup.addresses();
      const { ready, serving, terminating } = setup.endpoint()?.conditions ?? {};
      assert.equal(`${ready} ${serving} ${terminating}`, expected);
    }
  });

  it('has slices by family, by what a port name means, and an empty one for nobody', async () => {
    const setup = new Setup();
    setup.services.put(service({ ports: [{ port: 80, targetPort: 'http' }] }));
    assert.deepEqual(await setup.addresses(), ['IPv4 ']);
    const named = (containerPort: number): ((one: Pod) => Pod) => {
      const ports = [{ name: 'http', containerPort, protocol: 'TCP' as const }];
      return (one) => ({ ...one, spec: { ...one.spec, containers: [{ name: 'main', image: 'i', ports }] } });
    };
    setup.pods.put(pod('a', ['10.0.0.1', 'fd00::1'], named(1)));
    setup.pods.put(pod('b', ['10.0.0.2'], named(2)));
    setup.pods.put(pod('c', ['10.0.0.3'], named(1)));
    const addresses = await setup.addresses();
    assert.deepEqual(addresses.toSorted(), ['IPv4 10.0.0.1,10.0.0.3', 'IPv4 10.0.0.2', 'IPv6 fd00::1']);
    setup.services.put(service({ ipFamilies: ['IPv6'] }));
    assert.deepEqual(await setup.addresses(), ['IPv6 fd00::1']);
    setup.services.put(service({ selector: {} }));
    assert.deepEqual(await setup.addresses(), []);
  });

  it('fills slices up to their bound, and moves no endpoint that stays', async () => {
    const setup = new Setup(3);
    setup.services.put(service());
    for (let index = 1; index <= 7; index++) setup.pods.put(pod(`p${index}`, [`10.0.0.${index}`]));
    assert.deepEqual((await setup.addresses()).map((text) => text.split(',').length).toSorted(), [1, 3, 3]);
    const before = new Map(setup.slices.list().items.map((slice) => [slice.metadata.name, slice]));
    setup.pods.delete('default', 'p1');
    setup.pods.put(pod('p8', ['10.0.0.8']));
    await setup.addresses();
    const all = new Set<string>();
    for (const { metadata, endpoints } of setup.slices.list().items) {
      assert.ok(endpoints.length <= 3);
      const old = new Set(before.get(metadata.name)?.endpoints.flatMap(({ addresses }) => addresses));
      for (const address of endpoints.flatMap(({ addresses }) => addresses)) {
        all.add(address);
        assert.ok(old.has(address) || address === '10.0.0.8', address);
      }
    }
    assert.equal(all.size, 7);
  });

  it('gives a slice no new version unless it has changed, and lets others be', async () => {
    const setup = new Setup();
    const foreign: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { ...service().metadata, name: 'by-hand' },
      addressType: 'IPv4',
      endpoints: [],
    };
    setup.slices.put(foreign);
    setup.services.put(service());
    setup.pods.put(pod('a', ['10.0.0.1']));
    await setup.addresses();
    const { version } = setup.slices.list();
    setup.pods.put(pod('a', ['10.0.0.1']));
    setup.pods.put(pod('a', ['10.0.0.1']));
    await setup.addresses();
    assert.equal(setup.slices.list().version, version);
    assert.ok(setup.slices.get('default', 'by-hand'));
    setup.controller.close();
    setup.pods.delete('default', 'a');
    assert.equal((await setup.addresses()).length, 2);
    assert.throws(() => new Setup(0), { code: 'ERR_INVALID_ARGUMENT' });
  });
});

describe('the group discovery.k8s.io', () => {
  it('is announced, listed, got and shown', async () => {
    const services = new MemoryStore<Service>();
    services.put(service({ selector: { app: 'a' } }));
    await withServer({ services }, async ({ url }) => {
      const json = async (path: string, headers = {}): Promise<Record<string, unknown>> =>
        JSON.parse((await send(url + path, { headers })).text) as Record<string, unknown>;
      const groups = (await json('/apis'))['groups'] as { name: string; preferredVersion: { groupVersion: string } }[];
      assert.deepEqual(groups[0]?.preferredVersion.groupVersion, 'discovery.k8s.io/v1');
      assert.equal((await json('/apis/discovery.k8s.io'))['name'], 'discovery.k8s.io');
      const resources = (await json('/apis/discovery.k8s.io/v1'))['resources'] as { name: string }[];
      assert.deepEqual(
        resources.map(({ name }) => name),
        ['endpointslices'],
      );
      const path = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
      const list = await json(path);
      const [slice] = list['items'] as EndpointSlice[];
      assert.deepEqual([list['kind'], slice?.endpoints[0]?.addresses], ['EndpointSliceList', ['127.1.1.2']]);
      assert.equal((await json(`${path}/${slice?.metadata.name}`))['kind'], 'EndpointSlice');
      const headers = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
      const { rows } = (await json(path, headers)) as { rows: { cells: string[] }[] };
      assert.deepEqual(rows[0]?.cells.slice(1, 4), ['IPv4', '7000', '127.1.1.2']);
      const services1 = (await json('/api/v1/namespaces/default/services', headers)) as { rows: { cells: string[] }[] };
      assert.deepEqual(services1.rows[0]?.cells.slice(0, 5), ['web', 'ClusterIP', 'None', '<none>', '80/TCP']);
      const selected = await json(`${path}?labelSelector=kubernetes.io%2Fservice-name%3Dother`);
      assert.deepEqual(selected['items'], []);
      // A resource is there in its own group and version only.
      for (const wrong of [
        '/api/v1/endpointslices',
        '/apis/discovery.k8s.io/v1beta1/endpointslices',
        '/apis/x/v1/pods',
      ]) {
        assert.equal((await send(url + wrong)).code, 404, wrong);
      }
    });
  });
});
