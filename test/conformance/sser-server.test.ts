// The tests of go.skia.org/infra/go/sser on its server, by their subjects, and what they leave open. Those on its finders
// are in peer-finders.test.ts.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import {
  ERR_ONLY_SEND_NON_EMPTY_MESSAGES,
  ERR_STREAM_NAME_REQUIRED,
  EmptyMessageError,
  LocalhostPeerFinder,
  PEER_ENDPOINT_URL_PATH,
  PodNotReadyError,
  QUERY_PARAMETER_NAME,
  SSEServer,
  type PeerFinder,
  type SSEServerOptions,
} from '../../src/mesh/index.js';
import { EventLog, InvalidArgumentError } from '../../src/push/index.js';
import { listen } from '../support/push-sse.js';
import { ListedPeers } from '../support/listed-peers.js';
import { Client, TIMES, until } from './sser-support.js';

/** A pod that has started, and its clients' port. */
interface Pod extends AsyncDisposable {
  readonly server: SSEServer;
  readonly url: string;
}

async function startPod(options: SSEServerOptions = {}, finder: PeerFinder = new LocalhostPeerFinder()): Promise<Pod> {
  const server = new SSEServer(0, finder, { host: '127.0.0.1', times: TIMES, ...options });
  await server.start();
  const frontend = await listen(server.clientConnectionHandler());
  return {
    server,
    url: `http://127.0.0.1:${frontend.port}/events`,
    async [Symbol.asyncDispose]() {
      await server.close();
      await frontend[Symbol.asyncDispose]();
    },
  };
}

/** Two pods that have a link. */
async function startTwo(options: SSEServerOptions = {}): Promise<[Pod, Pod]> {
  const finder = new ListedPeers();
  const starting = [startPod({ name: 'a', ...options }, finder), startPod({ name: 'b', ...options }, finder)] as const;
  const pods = await Promise.all(starting);
  finder.set(...pods.map(({ server }) => `127.0.0.1:${server.internalPort}`));
  await until(() => pods.every(({ server }) => server.mesh.links.length === 1));
  return pods;
}

describe('SSEServer, as the tests of the original have it', () => {
  it('listens for peers where they expect it', async () => {
    assert.equal(PEER_ENDPOINT_URL_PATH, '/api/json/v1/send');
    assert.equal(QUERY_PARAMETER_NAME, 'stream');
    await using pod = await startPod();
    const url = `http://127.0.0.1:${pod.server.internalPort}${PEER_ENDPOINT_URL_PATH}`;
    await using client = await Client.connect(`${pod.url}?stream=foo`);
    const response = await fetch(url, { method: 'POST', body: '{"stream":"foo","msg":"posted"}' });
    assert.deepEqual([response.status, await response.text()], [200, '']);
    assert.equal((await client.events.next()).data, 'posted');
  });

  it('sends an event to a client', async () => {
    await using pod = await startPod();
    await using client = await Client.connect(`${pod.url}?stream=testStreamName`);
    await pod.server.send('testStreamName', 'this is a test message');
    const { data, type } = await client.events.next();
    assert.deepEqual([type, data], ['message', 'this is a test message']);
    assert.equal(pod.server.clients.get('testStreamName'), 1);
  });

  it('sends an event to two clients of one stream, and counts them', async () => {
    await using pod = await startPod();
    {
      await using first = await Client.connect(`${pod.url}?stream=testStreamName`);
      await using second = await Client.connect(`${pod.url}?stream=testStreamName`);
      await pod.server.send('testStreamName', 'this is a test message');
      assert.equal((await first.events.next()).data, 'this is a test message');
      assert.equal((await second.events.next()).data, 'this is a test message');
      assert.equal(pod.server.clients.get('testStreamName'), 2);
    }
    await until(() => !pod.server.clients.has('testStreamName'));
  });

  it('does not start when the finder fails, and leaves nothing open', async () => {
    const finder: PeerFinder = {
      peers: () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('my mock error')) }) }),
    };
    const server = new SSEServer(0, finder, { host: '127.0.0.1' });
    await assert.rejects(server.start(), /my mock error/);
    await assert.rejects(server.send('foo', 'bar'), PodNotReadyError);
    assert.equal(server.log.closed, true);
  });

  it('does not start when the port is taken', async () => {
    await using taken = await listen(() => {});
    const server = new SSEServer(taken.port, new LocalhostPeerFinder());
    await assert.rejects(server.start(), { code: 'EADDRINUSE' });
  });

  it('answers 400 when no stream is named', async () => {
    await using pod = await startPod();
    for (const path of ['', '?', '?stream=', '?stream=&stream=', '?other=foo']) {
      const response = await fetch(pod.url + path);
      assert.equal(response.status, 400);
      assert.deepEqual(await response.json(), {
        error: 'a stream name is required as part of the query parameters',
        code: ERR_STREAM_NAME_REQUIRED,
      });
    }
  });

  it('sends no empty message', async () => {
    await using pod = await startPod();
    const error = await pod.server.send('testStreamName', '').catch((reason: unknown) => reason);
    assert.ok(error instanceof EmptyMessageError);
    assert.equal(error.code, ERR_ONLY_SEND_NON_EMPTY_MESSAGES);
    assert.equal(error.message, 'you cannot send the empty string as a message over SSE');
    await assert.rejects(pod.server.send('testStreamName', 7 as unknown as string), InvalidArgumentError);
    assert.equal(pod.server.log.index, 0);
  });

  it('finds itself at 127.0.0.1 in development', async () => {
    const [set] = [await new LocalhostPeerFinder().peers().next()];
    assert.deepEqual(set.value, [{ host: '127.0.0.1', port: undefined, self: true }]);
  });
});

describe('SSEServer, beyond the original', () => {
  it('brings an event to the clients of every pod, and lets them resume on any', async () => {
    const [a, b] = await startTwo();
    await using _a = a;
    await using _b = b;
    await using onA = await Client.connect(`${a.url}?stream=foo`);
    let cursor: string;
    {
      await using onB = await Client.connect(`${b.url}?stream=foo`);
      const { acks } = await a.server.send('foo', '1');
      assert.equal(acks, 2);
      assert.equal((await onB.events.next()).data, '1');
      cursor = onB.lastEventId;
    }
    await b.server.send('foo', '2');
    await a.server.send('foo', '3', { type: 'price', ack: 'all' });
    await using moved = await Client.connect(`${a.url}?stream=foo`, cursor);
    for (const expected of ['2', '3']) assert.equal((await moved.events.next()).data, expected);
    for (const expected of ['1', '2', '3']) assert.equal((await onA.events.next()).data, expected);
    assert.equal(onA.events.all.at(-1)?.type, 'price');
  });

  it('drains, and ends its clients so that they come again', async () => {
    const [a, b] = await startTwo();
    await using _a = a;
    await using _b = b;
    await using client = await Client.connect(`${a.url}?stream=foo`);
    await a.server.send('foo', 'last');
    assert.equal(await a.server.drain({ clients: { retry: 5 } }), 'handed-over');
    await assert.rejects(a.server.send('foo', 'more'), PodNotReadyError);
    assert.equal((await client.events.next()).data, 'last');
    await assert.rejects(client.events.next(), /the stream has ended/);
    await a.server.close();
    await using elsewhere = await Client.connect(`${b.url}?stream=foo`, '');
    await b.server.send('foo', 'on');
    assert.equal((await elsewhere.events.next()).data, 'on');
  });

  it('takes a log of the program, and leaves that open', async () => {
    const log = new EventLog();
    {
      await using pod = await startPod({ log });
      assert.equal(pod.server.log, log);
      await pod.server.send('foo', 'kept');
    }
    assert.equal(log.closed, false);
    assert.deepEqual(
      log.history('foo').map(({ data }) => data),
      ['kept'],
    );
    log.close();
  });

  it('hands options on to log, handler and mesh, and knows no others', async () => {
    await using pod = await startPod({
      log: { history: { events: 2 } },
      handler: { start: 'start', authorize: () => ({ status: 401 }) },
      name: 'the-pod',
    });
    assert.equal(pod.server.mesh.name, 'the-pod');
    assert.equal(pod.server.log.settings.history.events, 2);
    assert.equal((await fetch(`${pod.url}?stream=foo`)).status, 401);
    const open = createServer(pod.server.clientConnectionHandler({ authorize: () => true }));
    open.listen(0, '127.0.0.1');
    await once(open, 'listening');
    await pod.server.send('foo', 'earlier');
    const { port } = open.address() as { port: number };
    {
      await using client = await Client.connect(`http://127.0.0.1:${port}/?stream=foo`);
      assert.equal((await client.events.next()).data, 'earlier');
    }
    open.closeAllConnections();
    open.close();
    const finder = new LocalhostPeerFinder();
    assert.throws(() => new SSEServer(0, finder, { port: 1 } as object), /the first argument/);
    assert.throws(() => new SSEServer(0, finder, { secrets: 'x' } as object), /is secret meant/);
    assert.throws(() => new SSEServer(70_000, finder), InvalidArgumentError);
    assert.throws(() => pod.server.clientConnectionHandler({ star: 'now' } as object), InvalidArgumentError);
  });

  it('serves streams that a function picks, though the query names none', async () => {
    await using pod = await startPod({ handler: { stream: () => 'picked' } });
    await using client = await Client.connect(pod.url);
    await pod.server.send('picked', 'yes');
    assert.equal((await client.events.next()).data, 'yes');
  });

  it('takes on clients that a pod of the Go package has numbered events for', async () => {
    await using pod = await startPod();
    await pod.server.send('foo', 'old');
    await using client = await Client.connect(`${pod.url}?stream=foo`, '57');
    await pod.server.send('foo', 'new');
    assert.equal((await client.events.next()).data, 'new');
    assert.match(client.lastEventId, /^\w{8}\w+$/);
    for (const forged of ['x', '1234567x', '-1']) {
      await assert.rejects(Client.connect(`${pod.url}?stream=foo`, forged), /status 400/);
    }
    await using strict = await startPod({ compatible: false });
    await assert.rejects(Client.connect(`${strict.url}?stream=foo`, '57'), /status 400/);
  });

  it('ends a start that is waited for no more', async () => {
    const server = new SSEServer(0, new ListedPeers(), { host: '127.0.0.1' });
    const controller = new AbortController();
    const starting = server.start({ signal: controller.signal });
    controller.abort(new Error('enough'));
    await assert.rejects(starting, /enough/);
  });
});
