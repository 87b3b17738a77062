import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { InvalidArgumentError } from '../../src/errors/index.js';
import type { PodServer } from '../../src/serve/index.js';
import { WatchClient } from '../support/grpc-watch.js';
import { eventually, openStream } from '../support/push-sse.js';
import { askPod, startPods } from '../support/serve-pods.js';

// A pod goes away: what probes, clients, publishers and other pods see of it.

describe('close of a pod', () => {
  it('takes it from balancers at once, and lets its clients go on elsewhere with nothing missed', async () => {
    await using pods = await startPods(3);
    const [first, second] = pods.pods as [PodServer, PodServer];
    const clients = await Promise.all(Array.from({ length: 40 }, () => openStream(`${first.url}/events?stream=a`)));
    await first.mesh.publish('a', 'one');
    const closing = first.close({ timeout: 5_000 });
    assert.equal(first.state, 'draining');
    const [ready, health, publishing, later] = await Promise.all([
      askPod(`${first.url}/readyz`),
      askPod(`${first.url}/healthz`),
      askPod(`${first.url}/publish?stream=a`, { body: 'x' }),
      askPod(`${first.url}/events?stream=a`),
    ]);
    assert.deepEqual([ready.status, ready.headers.connection], [503, 'close']);
    assert.match(ready.text, /^draining: /);
    assert.equal(health.status, 200);
    assert.deepEqual([publishing.status, publishing.headers['retry-after']], [503, '1']);
    assert.deepEqual([later.status, later.headers['content-type']], [200, 'text/event-stream']);
    assert.match(later.text, /retry: \d+/);
    await second.mesh.publish('a', 'two', { ack: 'local' });
    await closing;
    await Promise.all(clients.map((client) => client.finished()));
    await eventually(() => second.mesh.links.length === 1);
    for (const { lastEventId, data, retries } of clients) {
      assert.equal(data[0], 'one');
      assert.ok((retries[1] ?? 0) >= 500 && (retries[1] ?? 0) < 1_000, String(retries));
      const headers = { 'Last-Event-ID': lastEventId };
      const resumed = await openStream(`${second.url}/events?stream=a`, { headers });
      const missed = data.includes('two') ? 0 : 1;
      await resumed.until((stream) => stream.data.length >= missed);
      assert.deepEqual([...data, ...resumed.data], ['one', 'two']);
      resumed.leave();
    }
  });

  it('ends clients of each kind in its own way', async () => {
    await using pods = await startPods(2, { grpcPort: 0 });
    const [first] = pods.pods as [PodServer];
    const socket = new WebSocket(`${first.url.replace('http', 'ws')}/events?stream=a`);
    await once(socket, 'message');
    const socketClosed = once(socket, 'close');
    using grpc = new WatchClient(`127.0.0.1:${first.grpcPort}`);
    const call = grpc.watch();
    call.create({ streams: ['a'] });
    const poll = askPod(`${first.url}/events?stream=a&wait=true`);
    const watch = askPod(`${first.url}/events?stream=a&watch=true`);
    await eventually(() => first.status().clients === 4);
    await first.close({ timeout: 5_000 });
    assert.equal((await socketClosed)[0], 1001);
    assert.equal((await call.ended)?.code, 14);
    assert.deepEqual([(await poll).status, (await poll).text], [200, '']);
    assert.equal((await watch).status, 200);
  });

  it('waits for publishers that are being answered', async () => {
    await using pods = await startPods(2);
    const [first] = pods.pods as [PodServer];
    const answers = Array.from({ length: 20 }, (_, i) => askPod(`${first.url}/publish?stream=a`, { body: String(i) }));
    await eventually(() => first.log.newest('a') !== undefined);
    await first.close({ timeout: 5_000 });
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.ok(
      statuses.every((status) => status === 200 || status === 503),
      String(statuses),
    );
    const published = statuses.filter((status) => status === 200).length;
    assert.equal(pods.pods[1]?.log.history('a').length, published);
  });

  it('settles in time though a client does not let go', async () => {
    await using pods = await startPods(2);
    const [first] = pods.pods as [PodServer];
    const socket = new WebSocket(`${first.url.replace('http', 'ws')}/events?stream=a`);
    await once(socket, 'message');
    socket.pause();
    const closed = once(socket, 'close');
    await first.close({ timeout: 300 });
    await assert.rejects(askPod(`${first.url}/healthz`), { code: 'ECONNREFUSED' });
    socket.resume();
    await closed;
  });

  it('happens at once with a timeout of 0, also when it has begun', async () => {
    await using pods = await startPods(2);
    const [first, second] = pods.pods as [PodServer, PodServer];
    const client = await openStream(`${first.url}/events?stream=a`);
    const closing = first.close({ timeout: 60_000 });
    await Promise.all([first.close({ timeout: 0 }), closing]);
    await client.finished();
    await second.close({ timeout: 0 });
    await assert.rejects(second.close({ timeout: -1 }), InvalidArgumentError);
    await assert.rejects(second.close({ timout: 5 } as object), InvalidArgumentError);
  });

  it('of all pods waits for none of them to stay', async () => {
    await using pods = await startPods(3);
    await pods.pods[0]?.mesh.publish('a', 'x', { ack: 'all' });
    // Were they to wait for each other, it would take half of this.
    await Promise.all(pods.pods.map((pod) => pod.close({ timeout: 600_000 })));
  });

  it('of a pod alone is no problem', async () => {
    await using pods = await startPods(1);
    const [pod] = pods.pods as [PodServer];
    await pod.mesh.publish('a', 'x');
    const client = await openStream(`${pod.url}/events?stream=a`);
    await pod.close();
    await client.finished();
    assert.equal(pod.log.closed, true);
  });
});
