// The finders of trunkline/kubernetes against the API server, through a genuine KubeConfig. The first block is what the
// tests of go.skia.org/infra/go/sser say of its finder, which is a poll loop; the others are what a watch has to survive.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { MemoryStore, type EndpointSlice, type Pod } from '../../src/apiserver/index.js';
import type { Dialer } from '../../src/index.js';
import { EndpointSlicePeerFinder, KubernetesAPIError, PodPeerFinder } from '../../src/kubernetes/index.js';
import { LocalhostPeerFinder } from '../../src/mesh/discovery/static.js';
import {
  eventually,
  FINDERS,
  meshPod,
  QUICK,
  Reader,
  RecordingClock,
  slice,
  TestAPI,
  turns,
} from './peer-finders-support.js';

const TWO: readonly Pod[] = [meshPod('a', '10.0.0.1'), meshPod('b', '10.0.0.2')];

describe('as the finder of sser', () => {
  const pods = FINDERS['pods'] ?? assert.fail();

  it('finds only pods that are Running and have an address', async () => {
    await using api = await TestAPI.start([
      ...TWO,
      meshPod('c', undefined),
      meshPod('d', '10.0.0.4', (pod) => ({ ...pod, status: { ...pod.status, phase: 'Pending' } })),
      meshPod('e', '10.0.0.5', (pod) => ({ ...pod, status: { ...pod.status, phase: 'Succeeded' } })),
      meshPod('f', '10.0.0.6', (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'other' } } })),
      meshPod('g', '10.0.0.7', (pod) => ({ ...pod, metadata: { ...pod.metadata, namespace: 'other' } })),
    ]);
    await using reader = new Reader(pods, api);
    assert.deepEqual(await reader.next(), [
      { host: '10.0.0.1', port: undefined, name: 'a', uid: 'uid-a', self: true },
      { host: '10.0.0.2', port: undefined, name: 'b', uid: 'uid-b', self: false },
    ]);
  });

  it('rejects when the first list fails, as find and as Start do', async () => {
    await using api = await TestAPI.start(TWO);
    api.faults.script({ verb: 'list' }, { kind: 'unavailable', code: 500 });
    await using reader = new Reader(pods, api);
    const refused = (error: Error): boolean => error instanceof KubernetesAPIError && error.statusCode === 500;
    await assert.rejects(reader.next(), refused);
    await assert.rejects(reader.next(), /has ended/);
    assert.deepEqual(reader.errors, []);
  });

  it('forgets the resourceVersion when a watch cannot be had', async () => {
    await using api = await TestAPI.start(TWO);
    api.faults.script({ verb: 'watch' }, { kind: 'unavailable', code: 500 });
    await using reader = new Reader(pods, api);
    const list = api.faults.nextRequest({ verb: 'list' }).then(() => api.faults.nextRequest({ verb: 'list' }));
    await reader.next();
    assert.equal((await list).query.get('resourceVersion'), null);
    assert.equal(reader.errors.length, 1);
  });

  it('goes on from the newest resourceVersion when a watch was had', async () => {
    await using api = await TestAPI.start(TWO);
    await using reader = new Reader(pods, api);
    const first = await Promise.all([api.faults.nextRequest({ verb: 'watch' }), reader.next()]);
    assert.equal(first[0].query.get('resourceVersion'), String(api.runtime.pods.list().version));
    api.runtime.pods.put(meshPod('c', '10.0.0.3'));
    assert.deepEqual(await reader.hosts(), ['10.0.0.1', '10.0.0.2', '10.0.0.3']);
    const second = api.faults.nextRequest();
    api.faults.kill();
    const { verb, query } = await second;
    assert.deepEqual([verb, query.get('resourceVersion')], ['watch', String(api.runtime.pods.list().version)]);
  });

  it('ends when cancelled', async () => {
    await using api = await TestAPI.start(TWO);
    const stop = new AbortController();
    const finder = new PodPeerFinder({ config: api.config, labelSelector: 'app=web' });
    const sets: number[] = [];
    const reading = (async (): Promise<void> => {
      for await (const peers of finder.peers({ signal: stop.signal })) {
        sets.push(peers.length);
        await eventually(() => api.faults.watching() === 1);
        stop.abort();
      }
    })();
    await reading;
    assert.deepEqual(sets, [2]);
    await eventually(() => api.faults.watching() === 0);
  });

  it('gives the pods of a second list', async () => {
    await using api = await TestAPI.start(TWO);
    await using reader = new Reader(pods, api);
    await reader.next();
    api.faults.script({ verb: 'watch' }, { kind: 'gone', form: 'status' });
    const listed = api.faults.nextRequest({ verb: 'list' });
    api.faults.kill();
    await listed;
    api.runtime.pods.put(meshPod('c', '10.0.0.3'));
    await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3');
  });

  it('has a finder that only ever finds this process', async () => {
    const sets = new LocalhostPeerFinder().peers();
    assert.deepEqual((await sets.next()).value, [{ host: '127.0.0.1', port: undefined, self: true }]);
    await sets.return?.();
  });
});

for (const [resource, make] of Object.entries(FINDERS)) {
  const watches = { resource, verb: 'watch' } as const;
  const lists = { resource, verb: 'list' } as const;

  describe(`a finder over ${resource}`, () => {
    it('follows pods that come, change and go', async () => {
      await using api = await TestAPI.start(TWO);
      await using reader = new Reader(make, api);
      const [a, b] = await reader.next();
      assert.deepEqual([a?.self, b?.self, b?.uid], [true, false, 'uid-b']);
      api.runtime.pods.put(meshPod('c', 'fd00::3'));
      const set = await reader.until('10.0.0.1', '10.0.0.2', 'fd00::3');
      assert.equal(set[0], a, 'peers that stay are the same objects');
      const terminating = { deletionTimestamp: '2026-01-01T00:00:00Z' };
      api.runtime.pods.put(
        meshPod('b', '10.0.0.2', (pod) => ({ ...pod, metadata: { ...pod.metadata, ...terminating } })),
      );
      await reader.until('10.0.0.1', 'fd00::3');
      api.runtime.pods.delete('team', 'c');
      await reader.until('10.0.0.1');
      assert.deepEqual(reader.errors, []);
    });

    it('tells a new pod at an old address by its uid', async () => {
      await using api = await TestAPI.start(TWO);
      await using reader = new Reader(make, api);
      await reader.next();
      api.runtime.pods.delete('team', 'b');
      api.runtime.pods.put(meshPod('b', '10.0.0.2', (pod) => ({ ...pod, metadata: { ...pod.metadata, uid: 'new' } })));
      for (;;) {
        const set = await reader.next();
        if (set[1]?.uid === 'new') break;
      }
    });

    it('leaves out what is not ready if that is wanted, but never itself', async () => {
      const unready = (pod: Pod): Pod => ({ ...pod, status: { ...pod.status, conditions: [] } });
      await using api = await TestAPI.start([
        meshPod('a', '10.0.0.1', unready),
        meshPod('b', '10.0.0.2', unready),
        meshPod('c', '10.0.0.3'),
      ]);
      await using reader = new Reader(make, api, { includeNotReady: false });
      assert.deepEqual(await reader.hosts(), ['10.0.0.1', '10.0.0.3']);
      api.runtime.pods.put(meshPod('b', '10.0.0.2'));
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3');
    });

    it('takes the port by number or by name', async () => {
      await using api = await TestAPI.start([
        meshPod('a', '10.0.0.1'),
        meshPod('b', '10.0.0.2', (pod) => ({ ...pod, spec: { ...pod.spec, containers: [{ name: 'c', image: 'i' }] } })),
      ]);
      await using byNumber = new Reader(make, api, { port: 7000 });
      assert.deepEqual(
        (await byNumber.next()).map(({ port }) => port),
        [7000, 7000],
      );
      await using byName = new Reader(make, api, { portName: 'mesh' });
      assert.deepEqual(
        (await byName.next()).map(({ name, port }) => [name, port]),
        [['a', 7100]],
      );
    });

    it('reaches pods of two families at an address of its own', async () => {
      const both = (name: string, last: number): Pod =>
        meshPod(name, `10.0.0.${last}`, (pod) => ({
          ...pod,
          status: { ...pod.status, podIPs: [{ ip: `10.0.0.${last}` }, { ip: `fd00::${last}` }] },
        }));
      await using api = await TestAPI.start([both('a', 1), both('b', 2)]);
      await using four = new Reader(make, api);
      assert.deepEqual(await four.hosts(), ['10.0.0.1', '10.0.0.2']);
      await using six = new Reader(make, api, { self: { name: 'a', ip: 'fd00:0::1' } });
      assert.deepEqual(await six.hosts(), ['fd00::1', 'fd00::2']);
    });

    it('reads long lists in chunks', async () => {
      const many = Array.from({ length: 600 }, (_, index) => meshPod(`p${index}`, `10.1.${index >> 8}.${index & 255}`));
      await using api = await TestAPI.start(many);
      await using reader = new Reader(make, api);
      assert.equal((await reader.next()).length, 600);
      // Chunks that outlive their version: then all at once.
      if (resource !== 'pods') return;
      api.faults.script(lists, { kind: 'none' }, { kind: 'gone', form: 'status' });
      await using late = new Reader(make, api);
      assert.equal((await late.next()).length, 600);
      assert.deepEqual(late.errors, []);
    });

    for (const [name, befall] of [
      ['killed', (api: TestAPI) => api.faults.kill(watches)],
      ['cut in the middle of a line', (api: TestAPI) => api.faults.truncate(watches)],
      ['ended in the middle of a line', (api: TestAPI) => api.faults.truncate(watches, 'end')],
      ['told that its version is gone', (api: TestAPI) => api.faults.gone(watches)],
    ] as const) {
      it(`goes on when its watch is ${name}`, async () => {
        await using api = await TestAPI.start(TWO);
        await using reader = new Reader(make, api);
        await reader.next();
        for (let round = 3; round < 6; round++) {
          await eventually(() => api.faults.watching(watches) === 1);
          assert.equal(befall(api), 1);
          api.runtime.pods.put(meshPod(`p${round}`, `10.0.0.${round}`));
          const set = await reader.next();
          assert.equal(set.length, round);
        }
      });
    }

    it('reads an event again whose line was cut', async () => {
      await using api = await TestAPI.start(TWO);
      api.faults.script(
        watches,
        { kind: 'truncate', afterEvents: 1 },
        { kind: 'truncate', afterEvents: 0, how: 'end' },
      );
      await using reader = new Reader(make, api);
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      api.runtime.pods.put(meshPod('c', '10.0.0.3'));
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3');
      api.runtime.pods.put(meshPod('d', '10.0.0.4'));
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4');
    });

    for (const [name, faults] of [
      ['HTTP 410', [{ kind: 'gone', form: 'status' }]],
      ['an ERROR event of 410', [{ kind: 'gone', form: 'event' }]],
      ['both, again and again', [{ kind: 'gone', form: 'event' }, { kind: 'gone', form: 'status' }, { kind: 'gone' }]],
    ] as const) {
      it(`lists after ${name}, and keeps peers that are still there`, async () => {
        await using api = await TestAPI.start(TWO);
        await using reader = new Reader(make, api);
        const before = await reader.next();
        await eventually(() => api.faults.watching(watches) === 1);
        api.faults.script(watches, ...faults);
        const listed = api.faults.nextRequest(lists);
        api.faults.kill(watches);
        await listed;
        await eventually(() => reader.errors.length > faults.length && api.faults.watching(watches) === 1);
        api.runtime.pods.put(meshPod('c', '10.0.0.3'));
        const after = await reader.next();
        assert.deepEqual([after[0] === before[0], after[1] === before[1], after.length], [true, true, 3]);
        const codes = reader.errors.slice(1).map((error) => error instanceof KubernetesAPIError && error.statusCode);
        assert.ok(codes.every((code) => code === 410));
      });
    }

    it('F11: learns of what it missed when the server has forgotten the changes since', async () => {
      const many = Array.from({ length: 9 }, (_, index) => meshPod(`q${index}`, `10.0.1.${index}`));
      await using api = await TestAPI.start([...TWO, ...many], { history: 16 });
      await using reader = new Reader(make, api);
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      api.faults.always({ resource }, { kind: 'unavailable' });
      api.faults.kill(watches);
      await reader.failures(2);
      for (let count = 0; count < 20; count++) api.runtime.pods.put(meshPod('c', `10.0.2.${count}`));
      for (const { metadata } of many) api.runtime.pods.delete('team', metadata.name);
      api.faults.clear();
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.2.19');
    });

    it('F13: gives a silent watch up, and lists', async () => {
      await using api = await TestAPI.start(TWO);
      await using reader = new Reader(make, api, { silenceTimeout: 50 });
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      api.faults.stall(watches);
      api.runtime.pods.put(meshPod('c', '10.0.0.3'));
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3');
      assert.match(String(reader.errors[0]), /TimeoutError: the watch told nothing for 50 ms/);
    });

    it('counts a bookmark as a sign of life', async () => {
      const clock = new RecordingClock();
      await using api = await TestAPI.start(TWO);
      let last: Socket | undefined;
      const dialer: Dialer = async ({ url }) => {
        last = connect(Number(url.port), url.hostname);
        await once(last, 'connect');
        return last;
      };
      await using reader = new Reader(make, api, { clock, dialer });
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1 && clock.pending > 0);
      for (let minute = 0; minute < 4; minute++) {
        const heard = once(last ?? assert.fail(), 'data');
        api.clock.advance(60_000);
        await heard;
        await turns(3);
        clock.advance(60_000);
      }
      assert.deepEqual([reader.errors, api.faults.watching(watches)], [[], 1]);
      clock.advance(120_000);
      await reader.failures(1);
      assert.match(String(reader.errors[0]), /told nothing for 120000 ms/);
    });

    it('does not wait for ever for an answer that does not come', async () => {
      const clock = new RecordingClock();
      await using api = await TestAPI.start(TWO);
      const retry = { min: 1_000, max: 1_000 };
      await using reader = new Reader(make, api, {
        clock,
        requestTimeout: 10_000,
        retry,
        debounce: 0,
        random: () => 0,
      });
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      api.faults.script(watches, { kind: 'silence' });
      api.faults.script(lists, { kind: 'silence' }, { kind: 'stall' }, { kind: 'truncate' }, { kind: 'kill' });
      api.faults.kill(watches);
      await reader.failures(1);
      const attempt = async (): Promise<void> => {
        await eventually(() => clock.pending === 1 && clock.asked.at(-1) === 1_000);
        const request = api.faults.nextRequest({ resource });
        clock.advance(1_000);
        await request;
      };
      for (const [index, hangs] of [true, true, true, false, false].entries()) {
        await attempt();
        if (hangs) clock.advance(10_000);
        await reader.failures(index + 2);
      }
      const timeouts = Array.from({ length: 3 }, () => 'TimeoutError');
      assert.deepEqual(
        reader.errors.map(({ name }) => name),
        ['ConnectionLostError', ...timeouts, 'ConnectionLostError', 'ConnectionLostError'],
      );
      await attempt();
      api.runtime.pods.put(meshPod('c', '10.0.0.3'));
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3');
    });

    it('rejects when the first list does not come at all', async () => {
      await using api = await TestAPI.start(TWO);
      api.faults.always(lists, { kind: 'silence' });
      await using reader = new Reader(make, api, { requestTimeout: 20 });
      await assert.rejects(reader.next(), { code: 'ERR_TIMEOUT' });
    });

    it('F12: outlives a server that is away for minutes, asking ever more seldom', async () => {
      const clock = new RecordingClock();
      await using api = await TestAPI.start(TWO);
      const retry = { min: 1_000, max: 30_000 };
      await using reader = new Reader(make, api, { clock, retry, debounce: 0, random: () => 0 });
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      await api.stop();
      const waits: number[] = [];
      for (let attempt = 1; attempt <= 10; attempt++) {
        await eventually(() => clock.pending === 1);
        const wait = clock.asked.at(-1) ?? 0;
        waits.push(wait);
        if (attempt === 10) await api.restart();
        api.runtime.pods.put(meshPod('c', '10.0.0.3'));
        clock.advance(wait);
        if (attempt < 10) await reader.failures(attempt);
      }
      assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000, 30_000]);
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3');
    });

    it('waits as long as the server asks, within its own bound', async () => {
      const clock = new RecordingClock();
      await using api = await TestAPI.start(TWO);
      api.faults.script(watches, { kind: 'unavailable', code: 429, retryAfterSeconds: 7 });
      api.faults.script(lists, { kind: 'none' }, { kind: 'unavailable', retryAfterSeconds: 3600 });
      await using reader = new Reader(make, api, { clock, retry: { min: 1_000, max: 30_000 }, random: () => 0 });
      await reader.next();
      await reader.failures(1);
      await eventually(() => clock.pending === 1);
      assert.equal(clock.asked.at(-1), 7_000);
      clock.advance(7_000);
      await reader.failures(2);
      await eventually(() => clock.pending === 1);
      assert.equal(clock.asked.at(-1), 30_000);
    });

    it('does not hammer a server that ends every watch at once', async () => {
      const clock = new RecordingClock();
      await using api = await TestAPI.start(TWO);
      api.faults.always(watches, { kind: 'end' });
      const retry = { min: 1_000, max: 30_000 };
      await using reader = new Reader(make, api, { clock, retry, debounce: 0, random: () => 0 });
      await reader.next();
      for (const wait of [1_000, 2_000, 4_000, 8_000]) {
        await eventually(() => clock.pending === 1 && clock.asked.at(-1) === wait);
        clock.advance(wait);
      }
    });

    it('lists anew from time to time, whatever the watch says', async () => {
      await using api = await TestAPI.start(TWO);
      await using reader = new Reader(make, api, { relistPeriod: 100 });
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      // A watch that lives but tells nothing of this: only a list can.
      api.faults.stall(watches);
      api.runtime.pods.put(meshPod('c', '10.0.0.3'));
      await reader.until('10.0.0.1', '10.0.0.2', '10.0.0.3');
      assert.deepEqual(reader.errors, []);
    });

    it('F14: collects a storm of restarts into few sets', async () => {
      await using api = await TestAPI.start(TWO);
      const clock = new RecordingClock();
      await using reader = new Reader(make, api, { clock, debounce: 250 });
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      const timers = clock.pending;
      const seen = { sets: 0, windows: 0, settled: false };
      const reading = (async (): Promise<void> => {
        while (!seen.settled) {
          const hosts = await reader.hosts();
          seen.sets++;
          seen.settled = hosts.join(' ') === '10.0.0.1 10.0.0.2 10.0.0.4';
        }
      })();
      for (let count = 0; count < 100; count++) {
        api.runtime.pods.put(meshPod('c', '10.0.0.3'));
        api.runtime.pods.delete('team', 'b');
        api.runtime.pods.put(meshPod('b', '10.0.0.2'));
        api.runtime.pods.delete('team', 'c');
      }
      api.runtime.pods.put(meshPod('d', '10.0.0.4'));
      // A set comes when its time is over, and one at most.
      while (!seen.settled) {
        await turns(5);
        assert.ok(seen.sets <= seen.windows, `${seen.sets} sets in ${seen.windows} windows`);
        if (seen.settled || clock.pending === timers) continue;
        seen.windows++;
        clock.advance(250);
      }
      await reading;
      assert.deepEqual(reader.errors, []);
    });

    it('leaves no connection and no timer behind', async () => {
      const clock = new RecordingClock();
      await using api = await TestAPI.start(TWO);
      {
        await using reader = new Reader(make, api, { clock, debounce: 0 });
        await reader.next();
        await eventually(() => api.faults.watching(watches) === 1);
        assert.ok(clock.pending > 0);
      }
      assert.equal(clock.pending, 0);
      await eventually(() => api.faults.watching(watches) === 0);
    });

    it('tells of no failure when it is ended', async () => {
      await using api = await TestAPI.start(TWO);
      const errors: Error[] = [];
      const stop = new AbortController();
      const finder = make({ config: api.config, ...QUICK, onError: (error) => errors.push(error) });
      const sets = finder.peers({ signal: stop.signal })[Symbol.asyncIterator]();
      await sets.next();
      await eventually(() => api.faults.watching(watches) === 1);
      // The head of the answer is on its way yet.
      await turns(200);
      stop.abort();
      assert.equal((await sets.next()).done, true);
      await eventually(() => api.faults.watching(watches) === 0);
      await turns(200);
      assert.deepEqual(errors, []);
    });

    it('keeps the last known peers when there are too many', async () => {
      await using api = await TestAPI.start(TWO);
      await using reader = new Reader(make, api, { maxPeers: 2 });
      await reader.next();
      await eventually(() => api.faults.watching(watches) === 1);
      api.runtime.pods.put(meshPod('c', '10.0.0.3'));
      await reader.failures(2);
      assert.match(String(reader.errors[0]), /LimitExceededError/);
      api.runtime.pods.delete('team', 'c');
      api.runtime.pods.put(meshPod('b', '10.0.0.9'));
      await reader.until('10.0.0.1', '10.0.0.9');
    });
  });
}

describe('EndpointSlicePeerFinder', () => {
  it('takes a pod once that stands in several slices, and knows what is not a pod', async () => {
    const slices = new MemoryStore<EndpointSlice>();
    const pod = (name: string): { kind: string; name: string; uid: string } => ({
      kind: 'Pod',
      name,
      uid: `uid-${name}`,
    });
    slices.put(slice('web-1', [{ addresses: ['10.0.0.1'], targetRef: pod('a') }]));
    slices.put(slice('web-2', [{ addresses: ['10.0.0.1'], targetRef: pod('a') }, { addresses: ['10.9.9.9'] }]));
    slices.put(slice('web-3', [{ addresses: ['fd00::1'], targetRef: pod('a') }], 'IPv6'));
    slices.put(
      slice('web-4', [
        { addresses: ['10.0.0.2'], targetRef: pod('b'), conditions: { terminating: true } },
        { addresses: [] },
        { addresses: ['not an address'] },
      ]),
    );
    slices.put({ ...slice('web-5', [{ addresses: ['host.example'] }]), addressType: 'FQDN' });
    await using api = await TestAPI.start([], { endpointSlices: slices });
    await using reader = new Reader(
      (options) =>
        new EndpointSlicePeerFinder({ service: 'web', self: { ip: '10.9.9.9' }, portName: 'mesh', ...options }),
      api,
    );
    assert.deepEqual(await reader.next(), [
      { host: '10.0.0.1', port: 7200, name: 'a', uid: 'uid-a', self: false },
      { host: '10.9.9.9', port: 7200, name: undefined, uid: undefined, self: true },
    ]);
  });
});
