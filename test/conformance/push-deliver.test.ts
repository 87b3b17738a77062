// Live events over every transport: in order, marked, and with no trace in what a client resumes from.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { createGunzip } from 'node:zlib';
import { EventLog, longPollHandler, sseHandler, watchHandler, webSocketHandler } from '../../src/push/index.js';
import type { EncodeHook } from '../../src/push/sse/frames.js';
import { serveWatch, WatchClient } from '../support/grpc-watch.js';
import { ask, documentsOf, open } from '../support/push-json.js';
import { openStream } from '../support/push-sse.js';
import { PushClient } from '../support/push-websocket.js';

interface Pod extends AsyncDisposable {
  readonly log: EventLog;
  readonly host: string;
  readonly url: string;
}

async function servePod(encode?: EncodeHook): Promise<Pod> {
  const log = new EventLog();
  const handlers = {
    '/sse': sseHandler(log, encode === undefined ? {} : { encode }),
    '/watch': watchHandler(log),
    '/keys': longPollHandler(log, { prefix: '/keys' }),
  };
  const server = createServer((req, res) => {
    for (const [path, handler] of Object.entries(handlers)) if (req.url?.startsWith(path) === true) handler(req, res);
  });
  server.on('upgrade', webSocketHandler(log));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    log,
    host,
    url: `http://${host}`,
    async [Symbol.asyncDispose]() {
      log.close();
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}

/** What every client is sent: a live event between two others. */
function send(log: EventLog): void {
  log.publish('a', 'before');
  log.deliver('a', 'live', { type: 'moved' });
  log.publish('a', 'behind');
}

async function followed({ log }: Pod): Promise<void> {
  while (log.subscribers().length === 0) await turn();
}

describe('a live event', { timeout: 20_000 }, () => {
  it('has no id as a server-sent event, so that the client keeps the last', async () => {
    await using pod = await servePod();
    for (const decoder of [undefined, createGunzip()]) {
      const encoding = decoder === undefined ? {} : { headers: { 'Accept-Encoding': 'gzip' }, decoder };
      const client = await openStream(`${pod.url}/sse?stream=a`, encoding);
      pod.log.publish('a', 'before');
      const cursor = pod.log.cursor('a');
      pod.log.deliver('a', 'live', { type: 'moved' });
      await client.until(({ data }) => data.length === 2);
      assert.match(client.text, /id: \S+\ndata: before\n\nevent: moved\ndata: live\n\n$/);
      assert.equal(client.lastEventId, cursor);
      client.leave();
      pod.log.publish('a', 'behind');
      const back = await openStream(`${pod.url}/sse?stream=a`, { headers: { 'Last-Event-ID': client.lastEventId } });
      await back.until(({ data }) => data.length === 1);
      assert.deepEqual(back.data, ['behind']);
      back.leave();
      while (pod.log.subscribers().length > 0) await turn();
    }
  });

  it('can be left out by the encode hook', async () => {
    await using pod = await servePod(({ live, type, data }) => (live === true ? undefined : { event: type, data }));
    const client = await openStream(`${pod.url}/sse?stream=a`);
    send(pod.log);
    await client.until(({ data }) => data.length === 2);
    assert.deepEqual(client.data, ['before', 'behind']);
    assert.deepEqual(client.text.match(/^id: /gm)?.length, 3);
  });

  it('answers a long poll, by index with that of what came before it', async () => {
    await using pod = await servePod();
    pod.log.publish('b', 'elsewhere');
    const waiting = ask(`${pod.url}/keys/a?wait=true`);
    await followed(pod);
    pod.log.deliver('a', 'live', { type: 'moved' });
    const [{ cursor, ...answer }] = (await waiting).lines as [{ cursor: string }];
    const node = { key: '/a', value: 'live', modifiedIndex: 1, createdIndex: 1 };
    assert.deepEqual(answer, { action: 'set', node, type: 'moved', live: true });
    assert.equal(cursor, pod.log.cursor('a'));
    pod.log.publish('a', 'behind');
    const next = (await ask(`${pod.url}/keys/a?wait=true&waitIndex=2`)).lines as [{ node: object; live?: true }];
    assert.deepEqual(
      [next[0].node, next[0].live],
      [{ ...node, value: 'behind', modifiedIndex: 2, createdIndex: 2 }, undefined],
    );
    // What is gone of live events is not too old.
    pod.log.deliver('a', 'nobody waits');
    assert.equal((await ask(`${pod.url}/keys/a?wait=true&waitIndex=1`)).status, 200);
    assert.equal(((await ask(`${pod.url}/keys/a`)).lines as [{ node: { value: string } }])[0].node.value, 'behind');
  });

  it('comes among the lines of a long poll that goes on', async () => {
    await using pod = await servePod();
    const lines = documentsOf<{ node: { value: string }; live?: true; cursor: string }>(
      await open(`${pod.url}/keys/a?wait=true&stream=true&cursor=${pod.log.cursor('a')}`),
    );
    await followed(pod);
    send(pod.log);
    const seen = [await lines.next(), await lines.next(), await lines.next()].map(({ value }) => value);
    assert.deepEqual(
      seen.map((line) => [line?.node.value, line?.live]),
      [
        ['before', undefined],
        ['live', true],
        ['behind', undefined],
      ],
    );
    assert.equal(seen[0]?.cursor, seen[1]?.cursor);
    await lines.return();
  });

  it('is an object of its own in a watch, at the version of the one before', async () => {
    await using pod = await servePod();
    interface Line {
      readonly type: string;
      readonly object: {
        readonly metadata: { readonly name: string; readonly resourceVersion: string };
        readonly live?: true;
      };
    }
    const lines = documentsOf<Line>(await open(`${pod.url}/watch?watch=true&stream=a`));
    await followed(pod);
    send(pod.log);
    pod.log.deliver('a', 'another');
    const seen: (Line | undefined)[] = [];
    for (let i = 0; i < 4; i++) seen.push((await lines.next()).value ?? undefined);
    assert.deepEqual(
      seen.map((line) => [line?.type, line?.object.live]),
      [
        ['ADDED', undefined],
        ['ADDED', true],
        ['ADDED', undefined],
        ['ADDED', true],
      ],
    );
    const versions = seen.map((line) => line?.object.metadata.resourceVersion);
    assert.deepEqual([versions[1], versions[3]], [versions[0], versions[2]]);
    assert.equal(new Set(seen.map((line) => line?.object.metadata.name)).size, 4);
    await lines.return();
    const list = (await ask(`${pod.url}/watch?stream=a`)).lines as [{ items: { data: string }[] }];
    assert.deepEqual(
      list[0].items.map(({ data }) => data),
      ['before', 'behind'],
    );
  });

  it('is marked in a WebSocket, also on a subscription with an id', async () => {
    await using pod = await servePod();
    using client = await new PushClient(pod.host).opened();
    client.say({ type: 'subscribe', stream: 'a' });
    client.say({ type: 'subscribe', stream: 'a', id: 'x' });
    while (pod.log.subscribers().length < 2) await turn();
    send(pod.log);
    for (let i = 0; i < 6; i++) await client.event();
    for (const id of [undefined, 'x']) {
      const events = client.messages.all.filter((one) => one.type === 'event' && one.id === id);
      assert.deepEqual(
        events.map(({ data, live }) => [data, live]),
        [
          ['before', undefined],
          ['live', true],
          ['behind', undefined],
        ],
      );
      assert.equal(events[0]?.cursor, events[1]?.cursor);
    }
  });

  it('is marked over gRPC, at the revision of the one before', async () => {
    const log = new EventLog();
    await using server = await serveWatch(log);
    using client = new WatchClient(server.address);
    const { responses, create, call } = client.watch();
    create({ streams: ['a'] });
    await responses.next();
    send(log);
    const events: { data: Buffer; live: boolean; revision: string }[] = [];
    while (events.length < 3) events.push(...(await responses.find((one) => one.events.length > 0)).events);
    assert.deepEqual(
      events.map(({ data, live, revision }) => [data.toString(), live, revision]),
      [
        ['before', false, '1'],
        ['live', true, '1'],
        ['behind', false, '2'],
      ],
    );
    call.cancel();
    log.close();
  });
});
