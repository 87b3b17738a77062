import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { deferred } from '../../src/clock/deferred.js';
import type { FindOptions, Peer } from '../../src/mesh/discovery/types.js';
import { PodServer, type MeshStreams, type PodStatus } from '../../src/serve/index.js';
import { packageVersion } from '../../src/serve/version.js';
import { eventually, openStream } from '../support/push-sse.js';
import { askPod, startPods, type Pods } from '../support/serve-pods.js';

// What the public port answers besides events, as docs/serve.md has it.

describe('routes of a pod', () => {
  let pods: Pods;
  let first: PodServer;
  let second: PodServer;
  before(async () => {
    pods = await startPods(2);
    [first, second] = pods.pods as [PodServer, PodServer];
  });
  after(async () => await pods[Symbol.asyncDispose]());

  it('say which pod answers', async () => {
    for (const path of ['/healthz', '/nothing', '/status', '/events', '/publish']) {
      assert.equal((await askPod(`${second.url}${path}`)).headers['trunkline-pod'], 'pod-1', path);
    }
  });

  it('answer probes', async () => {
    for (const path of ['/healthz', '/readyz']) {
      assert.deepEqual((await askPod(`${first.url}${path}`)).status, 200);
      const head = await askPod(`${first.url}${path}`, { method: 'HEAD' });
      assert.deepEqual([head.status, head.text], [200, '']);
    }
  });

  it('tell at the root what there is', async () => {
    const { status, text } = await askPod(`${first.url}/`);
    assert.equal(status, 200);
    for (const path of ['/events', '/publish', '/streams', '/status', '/metrics', '/healthz', '/readyz', '/v2/keys']) {
      assert.ok(text.includes(path), path);
    }
  });

  it('refuse what is not there, and methods that are not, in JSON', async () => {
    const missing = await askPod(`${first.url}/eventz`);
    assert.deepEqual([missing.status, (missing.json() as { code: string }).code], [404, 'ERR_NOT_FOUND']);
    const method = await askPod(`${first.url}/status`, { method: 'DELETE' });
    assert.deepEqual([method.status, method.headers.allow], [405, 'GET, HEAD']);
    assert.equal((method.json() as { code: string }).code, 'ERR_METHOD');
  });

  it('tell who follows, on all pods', async () => {
    const clients = await Promise.all([
      openStream(`${first.url}/events?stream=news`),
      openStream(`${second.url}/events?stream=news&stream=other`),
    ]);
    const streams = (await askPod(`${second.url}/streams`)).json() as MeshStreams;
    assert.deepEqual(streams.streams, [
      { name: 'news', clients: 2, pods: { 'pod-1': 1, 'pod-0': 1 } },
      { name: 'other', clients: 1, pods: { 'pod-1': 1 } },
    ]);
    assert.deepEqual(streams.pods.map(({ name, origin, clients: count }) => [name, origin, count]).toSorted(), [
      ['pod-0', first.log.origin, 1],
      ['pod-1', second.log.origin, 1],
    ]);
    assert.deepEqual(streams.missing, []);
    for (const client of clients) client.leave();
  });

  it('tell how the pod does', async () => {
    const client = await openStream(`${first.url}/events?stream=state`);
    const { status, headers, json } = await askPod(`${first.url}/status`);
    assert.deepEqual([status, headers['content-type']], [200, 'application/json']);
    const told = json() as PodStatus;
    assert.equal(told.name, 'pod-0');
    assert.equal(told.origin, first.log.origin);
    assert.equal(told.state, 'ready');
    assert.equal(told.version, packageVersion());
    assert.ok(Number.isInteger(told.uptime) && told.uptime >= 0);
    assert.equal(told.clients, 1);
    assert.equal(told.internalPort, first.mesh.port);
    assert.deepEqual(
      told.links.map(({ name }) => name),
      ['pod-1'],
    );
    assert.equal(told.mesh.links, 1);
    assert.equal(told.log.followers['sse'], 1);
    assert.deepEqual(told.streams, [{ name: 'state', clients: 1 }]);
    client.leave();
  });

  it('are numbers for Prometheus', async () => {
    await askPod(`${first.url}/publish?stream=metrics&ack=all`, { body: 'x' });
    const { status, headers, text } = await askPod(`${first.url}/metrics`);
    assert.equal(status, 200);
    assert.match(headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
    const lines = text.split('\n');
    for (const line of [
      'trunkline_mesh_state{state="ready"} 1',
      'trunkline_mesh_state{state="joining"} 0',
      'trunkline_mesh_links 1',
      'trunkline_mesh_link_behind_events{peer="pod-1"} 0',
      'trunkline_serve_published_events_total{ack="all",result="acknowledged"} 1',
      'trunkline_serve_publish_duration_seconds_count{ack="all"} 1',
      `trunkline_serve_info{version="${packageVersion()}",pod="pod-0"} 1`,
    ]) {
      assert.ok(lines.includes(line), line);
    }
    // Those of the process are for programs that have it to themselves.
    assert.ok(!text.includes('process_cpu'));
  });
});

describe('a pod with routes of its program', () => {
  it('keeps its own, and leaves the others to it', async () => {
    await using pods = await startPods(1, { requests: (req, res) => res.end(`the program's ${req.url}`) });
    const [pod] = pods.pods as [PodServer];
    for (const path of ['/', '/page?x=1', '/eventsource']) {
      const { status, headers, text } = await askPod(`${pod.url}${path}`);
      assert.deepEqual([status, headers['trunkline-pod'], text], [200, 'pod-0', `the program's ${path}`]);
    }
    assert.equal((await askPod(`${pod.url}/readyz`)).text, 'ready\n');
    assert.equal((await askPod(`${pod.url}/publish`)).status, 405);
  });

  it('answers for it when it fails', async () => {
    const requests = (): void => {
      throw new RangeError('a defect');
    };
    await using pods = await startPods(1, { requests });
    const [pod] = pods.pods as [PodServer];
    const { status, text } = await askPod(`${pod.url}/page`);
    assert.deepEqual([status, text.includes('defect')], [500, false]);
  });
});

describe('a pod that joins', () => {
  it('is alive and not ready, and sends clients and publishers away', async () => {
    const found = deferred<void>();
    const pod = new PodServer({
      finder: {
        async *peers() {
          await found.promise;
          yield [];
        },
      },
      port: 0,
      internalPort: 0,
      times: { aloneAfter: 20 },
    });
    const starting = pod.start();
    await eventually(() => pod.port > 0 && pod.mesh.port > 0);
    const { url } = pod;
    assert.equal((await askPod(`${url}/healthz`)).status, 200);
    const ready = await askPod(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.match(ready.text, /^joining: linked to 0 others, 0 attempts to reach others have failed\n$/);
    const stream = await askPod(`${url}/events?stream=a`);
    assert.deepEqual([stream.status, stream.headers['content-type']], [200, 'text/event-stream']);
    assert.match(stream.text, /^: closing\nretry: 2000\n\n$/);
    for (const path of ['/events?stream=a&watch=true', '/events?stream=a&wait=true', '/v2/keys/a']) {
      assert.equal((await askPod(`${url}${path}`)).status, 503, path);
    }
    const publishing = await askPod(`${url}/publish?stream=a`, { body: 'x' });
    assert.deepEqual([publishing.status, publishing.headers['retry-after']], [503, '1']);
    found.resolve();
    await starting;
    assert.equal((await askPod(`${url}/readyz`)).status, 200);
    assert.equal(pod.log.newest('a'), undefined);
    await pod.close();
  });

  it('stops when it is told to', async () => {
    const finder = { peers: ({ signal }: FindOptions = {}) => never(signal) };
    const stop = new AbortController();
    const pod = new PodServer({ finder, port: 0, internalPort: 0 });
    const starting = pod.start({ signal: stop.signal });
    await eventually(() => pod.port > 0 && pod.mesh.port > 0);
    const { url } = pod;
    stop.abort(new Error('enough'));
    await assert.rejects(starting, /enough/);
    await assert.rejects(askPod(`${url}/healthz`), { code: 'ECONNREFUSED' });
    await assert.rejects(pod.start(), { code: 'ERR_INVALID_ARGUMENT' });
  });

  it('closes everything when it cannot start', async () => {
    await using pods = await startPods(1);
    const [running] = pods.pods as [PodServer];
    const taken = pods.add({ internalPort: running.mesh.port });
    await assert.rejects(taken.start(), { code: 'EADDRINUSE', port: running.mesh.port });
    await assert.rejects(askPod(`${taken.url}/healthz`), { code: 'ECONNREFUSED' });
    const publicPort = pods.add({ port: running.port });
    await assert.rejects(publicPort.start(), { code: 'EADDRINUSE', port: running.port });
  });
});

/** Finds nobody until it is ended. */
async function* never(signal: AbortSignal | undefined): AsyncGenerator<readonly Peer[], void, undefined> {
  await new Promise((resolve) => signal?.addEventListener('abort', resolve));
  if (signal === undefined) yield [];
}
