// What goes wrong in go.skia.org/infra/go/sser, found by reading it: none of it may go wrong here.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { SSEServer, type SSEServerOptions } from '../../src/mesh/index.js';
import { EventLog } from '../../src/push/index.js';
import { ListedPeers } from '../support/listed-peers.js';
import { Client, PostedPod, TIMES, until } from './sser-support.js';

/** A pod with a port for clients. */
class Pod implements AsyncDisposable {
  readonly server: SSEServer;
  readonly #frontend: Server;

  private constructor(server: SSEServer) {
    this.server = server;
    this.#frontend = createServer(server.clientConnectionHandler());
  }

  static async start(finder: ListedPeers = new ListedPeers(), options: SSEServerOptions = {}): Promise<Pod> {
    const pod = new Pod(new SSEServer(0, finder, { host: '127.0.0.1', times: TIMES, ...options }));
    await pod.server.start();
    pod.#frontend.listen(0, '127.0.0.1');
    await once(pod.#frontend, 'listening');
    return pod;
  }

  get port(): number {
    return (this.#frontend.address() as { port: number }).port;
  }

  async client(stream: string, lastEventId?: string): Promise<Client> {
    return await Client.connect(`http://127.0.0.1:${this.port}/?stream=${stream}`, lastEventId);
  }

  async post(stream: string, msg: string): Promise<void> {
    const url = `http://127.0.0.1:${this.server.internalPort}/api/json/v1/send`;
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ stream, msg }) });
    assert.equal(response.status, 200);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    this.#frontend.closeAllConnections();
    this.#frontend.close();
    await once(this.#frontend, 'close');
  }
}

async function startGo(count: number): Promise<PostedPod[]> {
  return await Promise.all(Array.from({ length: count }, async () => await PostedPod.start()));
}

/** A pod that posts to these. */
async function startBeside(pods: readonly PostedPod[]): Promise<Pod> {
  const finder = new ListedPeers();
  finder.set(...pods.map(({ address }) => address));
  const pod = await Pod.start(finder);
  await until(() => pod.server.mesh.compatible?.peers.length === pods.length);
  return pod;
}

async function close(pods: readonly PostedPod[]): Promise<void> {
  await Promise.all(pods.map(async (pod) => await pod[Symbol.asyncDispose]()));
}

describe('defects of the original', () => {
  it('a peer that fails costs the next one nothing: each gets the whole body', async () => {
    const pods = await startGo(5);
    pods[1]!.answer = (res) => void res.destroy();
    pods[3]!.answer = () => {};
    await using pod = await startBeside(pods);
    await pod.server.send('foo', 'whole');
    for (const { inbox } of pods) assert.equal((await inbox.next()).msg, 'whole');
    await close(pods);
  });

  it('dead peers add up to no delay, and do not block sending', async () => {
    const pods = await startGo(4);
    for (const stuck of pods.slice(1)) stuck.answer = () => {};
    await using pod = await startBeside(pods);
    // More than the original's queue of 100 holds.
    for (let n = 0; n < 500; n += 1) await pod.server.send('foo', `${n}`, { ack: 'all' });
    await until(() => pods[0]?.messages.length === 500);
    for (const stuck of pods.slice(1)) assert.equal(stuck.messages.length, 1);
    await close(pods);
  });

  it('ids mean the same on every pod, and need not be numbers', async () => {
    const finder = new ListedPeers();
    await using a = await Pod.start(finder, { name: 'a' });
    await using b = await Pod.start(finder, { name: 'b' });
    finder.set(`127.0.0.1:${a.server.internalPort}`, `127.0.0.1:${b.server.internalPort}`);
    await until(() => a.server.mesh.links.length === 1 && b.server.mesh.links.length === 1);
    for (let n = 1; n <= 9; n += 1) await (n % 2 === 0 ? a : b).server.send('other', `${n}`, { ack: 'all' });
    let cursor: string;
    {
      await using client = await a.client('foo');
      await b.server.send('foo', '1');
      await client.events.next();
      cursor = client.lastEventId;
      assert.doesNotMatch(cursor, /^\d+$/);
    }
    await a.server.send('foo', '2', { ack: 'all' });
    await using moved = await b.client('foo', cursor);
    assert.equal((await moved.events.next()).data, '2');
  });

  it('the log is bounded, and streams are forgotten', async () => {
    const log = new EventLog({ history: { events: 10 }, limits: { maxStreams: 20 } });
    await using pod = await Pod.start(new ListedPeers(), { log });
    for (let n = 0; n < 200; n += 1) {
      await pod.server.send('foo', `${n}`);
      await pod.server.send(`stream-${n}`, 'x');
    }
    assert.equal(log.history('foo').length, 10);
    assert.ok(log.streams().length <= 20);
    const before = log.stats();
    for (let n = 0; n < 200; n += 1) await pod.post(`posted-${n}`, 'x');
    const after = log.stats();
    assert.deepEqual(after.history, before.history);
    log.close();
  });

  it('who comes new gets nothing old, and who comes again gets the last one no second time', async () => {
    await using pod = await Pod.start();
    await pod.server.send('foo', 'old');
    let cursor: string;
    {
      await using fresh = await pod.client('foo');
      await pod.server.send('foo', '1');
      assert.equal((await fresh.events.next()).data, '1');
      cursor = fresh.lastEventId;
    }
    await using again = await pod.client('foo', cursor);
    await pod.server.send('foo', '2');
    assert.equal((await again.events.next()).data, '2');
  });

  it('a client that does not read delays neither others nor peers nor sending', async () => {
    const [go] = await startGo(1);
    assert.ok(go !== undefined);
    await using pod = await startBeside([go]);
    const stalled = connect(pod.port, '127.0.0.1');
    stalled.on('error', () => {});
    stalled.write('GET /?stream=foo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n');
    await once(stalled, 'readable');
    await using client = await pod.client('foo');
    const message = 'x'.repeat(100_000);
    // Far more than all buffers between here and there hold, posted by others as well as sent.
    for (let n = 0; n < 100; n += 1) {
      await pod.server.send('foo', `${n}${message}`);
      await pod.post('foo', `posted ${n}${message}`);
      await client.events.next();
      await client.events.next();
      await go.inbox.next();
    }
    assert.equal(client.events.all.length, 200);
    stalled.destroy();
    await close([go]);
  });

  it('lines of a message stay lines of it, and a colon at its front is part of it', async () => {
    const [go] = await startGo(1);
    assert.ok(go !== undefined);
    await using pod = await startBeside([go]);
    await using client = await pod.client('foo');
    const messages = ['one\nevent: forged\nid: 1\n\ndata: two', ':not a comment', '\n', 'retry: 1'];
    for (const message of messages) {
      await pod.server.send('foo', message);
      assert.deepEqual(await client.events.next().then(({ type, data }) => [type, data]), ['message', message]);
      await pod.post('foo', message);
      assert.deepEqual(await client.events.next().then(({ type, data }) => [type, data]), ['message', message]);
      // The original writes `data: ` and the text as it is, or a text that begins with a colon as it is.
      const { msg } = await go.inbox.next();
      const written = msg.startsWith(':') ? msg : `data: ${msg}`;
      assert.ok(written.split('\n').every((line) => line.startsWith('data: ') || line === ':'));
    }
    await close([go]);
  });
});
