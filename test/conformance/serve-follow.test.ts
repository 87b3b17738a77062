import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { WebSocket } from 'ws';
import type { PodServer } from '../../src/serve/index.js';
import { WatchClient } from '../support/grpc-watch.js';
import { eventually, openStream } from '../support/push-sse.js';
import { askPod, startPods, type Pods } from '../support/serve-pods.js';

// All ways to follow over one path: published on one pod, followed on another, resumed on a third.

describe('GET /events', () => {
  let pods: Pods;
  let first: PodServer;
  let second: PodServer;
  before(async () => {
    pods = await startPods(3, { grpcPort: 0 });
    [first, second] = pods.pods as [PodServer, PodServer];
  });
  after(async () => await pods[Symbol.asyncDispose]());

  it('is an event stream, which any other pod takes up', async () => {
    const client = await openStream(`${first.url}/events?stream=sse`);
    await second.mesh.publish('sse', 'one');
    await client.until(({ data }) => data.length === 1);
    client.leave();
    await second.mesh.publish('sse', 'two', { ack: 'all' });
    const third = pods.pods[2];
    const headers = { 'Last-Event-ID': client.lastEventId };
    const resumed = await openStream(`${third?.url}/events?stream=sse`, { headers });
    await resumed.until(({ data }) => data.length > 0);
    assert.deepEqual(resumed.data, ['two']);
    resumed.leave();
  });

  it('is a WebSocket when it is asked to be one', async () => {
    const socket = new WebSocket(`${first.url.replace('http', 'ws')}/events?stream=ws`);
    const messages: { type: string; data?: string }[] = [];
    socket.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString()) as { type: string }));
    await eventually(() => messages.length === 1);
    await second.mesh.publish('ws', 'hello');
    await eventually(() => messages.length === 2);
    assert.deepEqual(
      messages.map(({ type, data }) => [type, data]),
      [
        ['subscribed', undefined],
        ['event', 'hello'],
      ],
    );
    const closed = once(socket, 'close');
    socket.close();
    await closed;
  });

  it('upgrades nothing else, and nowhere else', async () => {
    for (const path of ['/', '/publish', '/v2/keys/a']) {
      const socket = new WebSocket(`${first.url.replace('http', 'ws')}${path}`);
      const [error] = (await once(socket, 'error')) as [Error];
      assert.match(error.message, /404/, path);
    }
  });

  it('is a long poll with wait', async () => {
    const waiting = askPod(`${first.url}/events?stream=poll/a%20b&wait=true`);
    await eventually(() => first.log.counts().get('poll/a b') === 1);
    await second.mesh.publish('poll/a b', 'hello');
    const { node } = (await waiting).json() as { node: { key: string; value: string } };
    assert.deepEqual([node.key, node.value], ['/poll/a b', 'hello']);
    const key = await askPod(`${first.url}/v2/keys/poll/a%20b`);
    assert.deepEqual((key.json() as { node: { value: string } }).node.value, 'hello');
  });

  it('refuses long polls of what is no key, by name', async () => {
    for (const query of [
      'wait=true',
      'stream=a&stream=b&wait=true',
      'stream=a*&wait=true',
      'stream=a//b&wait=true',
      'stream=../a&wait=true',
    ]) {
      const { status, json } = await askPod(`${first.url}/events?${query}`);
      assert.deepEqual([status, (json() as { code: string }).code], [400, 'ERR_BAD_REQUEST'], query);
    }
  });

  it('is a watch with watch, or its list', async () => {
    const watching = askPod(`${first.url}/events?stream=watch&watch=true&timeoutSeconds=1`);
    await eventually(() => first.log.counts().get('watch') === 1);
    await second.mesh.publish('watch', 'hello', { ack: 'all' });
    const [line = ''] = (await watching).text.split('\n');
    assert.equal((JSON.parse(line) as { object: { data: string } }).object.data, 'hello');
    const list = await askPod(`${second.url}/events?stream=watch&watch=false`);
    assert.equal((list.json() as { items: object[] }).items.length, 1);
  });

  it('is on the port of gRPC too', async () => {
    using client = new WatchClient(`127.0.0.1:${first.grpcPort}`);
    const call = client.watch();
    call.create({ streams: ['grpc'] });
    await call.responses.next();
    await second.mesh.publish('grpc', 'hello');
    const { events } = await call.responses.next();
    assert.equal(events[0]?.data.toString(), 'hello');
    call.call.cancel();
    await call.ended;
  });
});
