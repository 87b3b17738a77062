// A mesh beside pods of the Go package: what these post, and what they are posted. The pods here stand in for them; the
// interop tests have Go.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { describe, it } from 'node:test';
import { Mesh, SSEServer, StaticPeerFinder, type MeshOptions } from '../../src/mesh/index.js';
import { EventLog, type LogEvent } from '../../src/push/index.js';
import { Inbox } from '../support/inbox.js';
import { ListedPeers } from '../support/listed-peers.js';
import { PostedPod, TIMES, until } from './sser-support.js';

const SECRET = 'sixteen bytes or more';

async function startMesh(finder: ListedPeers | StaticPeerFinder, options: Partial<MeshOptions> = {}): Promise<Mesh> {
  const mesh = new Mesh(new EventLog(), { finder, host: '127.0.0.1', port: 0, times: TIMES, ...options });
  await mesh.start();
  return mesh;
}

function follow({ log }: Mesh, stream: string): Inbox<LogEvent> {
  const inbox = new Inbox<LogEvent>();
  log.subscribe(stream, (item) => {
    if (item.kind === 'event') inbox.put(item);
  });
  return inbox;
}

/** Posts as the original does. */
async function post(port: number, body: string, path = '/api/json/v1/send'): Promise<number> {
  const { status } = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', body });
  return status;
}

describe('a mesh beside pods of the Go package', () => {
  it('hands what they post to the clients of this pod alone, live', async () => {
    const finder = new ListedPeers();
    await using a = await startMesh(finder, { name: 'a' });
    await using b = await startMesh(finder, { name: 'b' });
    finder.set(`127.0.0.1:${a.port}`, `127.0.0.1:${b.port}`);
    await until(() => a.links.length === 1 && b.links.length === 1);
    const [onA, onB] = [follow(a, 'news'), follow(b, 'news')];
    const before = a.log.cursor('news');
    assert.equal(await post(a.port, '{"stream":"news","msg":"posted"}'), 200);
    const event = await onA.next();
    assert.deepEqual([event.data, event.live], ['posted', true]);
    assert.equal(a.log.cursor('news'), before);
    assert.deepEqual(a.log.history('news'), []);
    // What comes behind it on the link shows that it did not.
    await a.publish('news', 'own', { ack: 'all' });
    assert.equal((await onB.next()).data, 'own');
    assert.deepEqual([a.compatible?.received, b.compatible?.received], [1, 0]);
  });

  it('posts own events to those that know nothing of links, and to them alone', async () => {
    await using go = await PostedPod.start();
    const finder = new ListedPeers();
    await using a = await startMesh(finder, { name: 'a' });
    await using b = await startMesh(finder, { name: 'b' });
    finder.set(`127.0.0.1:${a.port}`, `127.0.0.1:${b.port}`, go.address);
    await until(() => a.links.length === 1 && a.compatible?.peers.length === 1 && b.compatible?.peers.length === 1);
    const onB = follow(b, 'news');
    await a.publish('news', 'of a', { ack: 'all' });
    await b.publish('news', { of: 'b' }, { ack: 'all' });
    await go.inbox.next();
    await go.inbox.next();
    assert.deepEqual(go.messages.toSorted(), ['of a', '{"of":"b"}']);
    assert.deepEqual([(await onB.next()).data, (await onB.next()).data], ['of a', '{"of":"b"}']);
    assert.equal(a.compatible?.peers[0]?.address, go.address);
    assert.deepEqual([a.compatible?.received, b.compatible?.received], [0, 0]);
  });

  it('does not make publishing wait for them', async () => {
    await using go = await PostedPod.start();
    go.answer = () => {};
    const finder = new ListedPeers();
    finder.set(go.address);
    await using mesh = await startMesh(finder);
    await until(() => mesh.compatible?.peers.length === 1);
    const { acks } = await mesh.publish('news', '1', { ack: 'all' });
    assert.equal(acks, 1);
    await mesh.publish('news', '2');
  });

  for (const status of [200, 400, 404, 405, 426]) {
    it(`takes the answer ${status} to a link for that of such a pod`, async () => {
      const taken = new Inbox<string>();
      const server = createServer((req, res) => {
        req.resume();
        if (req.url === '/mesh/v1/link') res.writeHead(status).end();
        else req.on('end', () => res.writeHead(200).end(() => taken.put(req.url ?? '')));
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const finder = new ListedPeers();
      finder.set(`127.0.0.1:${(server.address() as { port: number }).port}`);
      await using mesh = await startMesh(finder);
      await until(() => mesh.compatible?.peers.length === 1);
      await mesh.publish('news', '1');
      assert.equal(await taken.next(), '/api/json/v1/send');
      server.closeAllConnections();
      server.close();
    });
  }

  for (const status of [401, 403, 500, 503]) {
    it(`posts nothing to who answers ${status} to a link`, async () => {
      const asked: string[] = [];
      const server = createServer((req, res) => {
        asked.push(req.url ?? '');
        res.writeHead(status).end();
      }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const finder = new ListedPeers();
      await using mesh = await startMesh(finder);
      finder.set(`127.0.0.1:${(server.address() as { port: number }).port}`);
      await until(() => asked.length > 0);
      await mesh.publish('news', '1', { ack: 'local' });
      const dials = asked.length;
      await until(() => asked.length >= dials + 3);
      assert.deepEqual(new Set(asked), new Set(['/mesh/v1/link']));
      server.closeAllConnections();
      server.close();
    });
  }

  it('links a pod of ours that comes to the address of one of theirs, and posts to it no more', async () => {
    const go = await PostedPod.start();
    const { port } = go;
    const finder = new ListedPeers();
    finder.set(`127.0.0.1:${port}`);
    await using a = await startMesh(finder, { name: 'a' });
    await until(() => a.compatible?.peers.length === 1);
    await a.publish('news', 'to the old one');
    assert.equal((await go.inbox.next()).msg, 'to the old one');
    await go[Symbol.asyncDispose]();
    await a.publish('news', 'to nobody');
    await using b = await startMesh(new ListedPeers(), { name: 'b', port });
    const onB = follow(b, 'news');
    for (let n = 1; n <= 50; n += 1) await a.publish('news', `${n}`, { ack: 'local' });
    await until(() => a.links.length === 1);
    await until(() => a.compatible?.peers.length === 0);
    await a.publish('news', 'linked', { ack: 'all' });
    const last = await onB.find(({ data }) => data === 'linked');
    const data = onB.all.slice(0, onB.all.indexOf(last) + 1).map((event) => event.data);
    // Once each, whether before the link or behind it, and none of them posted.
    assert.equal(new Set(data).size, data.length);
    assert.deepEqual(data.slice(-51), [...Array.from({ length: 50 }, (_, index) => `${index + 1}`), 'linked']);
    assert.equal(b.compatible?.received, 0);
    assert.ok(onB.all.every(({ live }) => live !== true));
  });

  it('posts to a pod of theirs that comes to the address of one of ours', async () => {
    const finder = new ListedPeers();
    await using a = await startMesh(finder, { name: 'a' });
    const b = await startMesh(new ListedPeers(), { name: 'b' });
    const { port } = b;
    finder.set(`127.0.0.1:${port}`);
    await until(() => a.links.length === 1);
    await a.publish('news', 'over the link');
    await b.close();
    await using go = await PostedPod.start('127.0.0.1', port);
    await until(() => a.compatible?.peers.length === 1);
    await a.publish('news', 'posted');
    assert.equal((await go.inbox.next()).msg, 'posted');
  });

  it('never posts to itself, even where the finder does not know it', async () => {
    const finder = new ListedPeers();
    await using mesh = await startMesh(finder, { name: 'a' });
    await using go = await PostedPod.start();
    const onMesh = follow(mesh, 'news');
    finder.set(`127.0.0.1:${mesh.port}`, go.address);
    await until(() => mesh.compatible?.peers.length === 1);
    await mesh.publish('news', '1');
    await go.inbox.next();
    await mesh.publish('news', '2');
    await go.inbox.next();
    assert.deepEqual(
      mesh.compatible?.peers.map(({ address }) => address),
      [go.address],
    );
    assert.deepEqual([mesh.compatible?.received, mesh.compatible?.refused], [0, 0]);
    assert.deepEqual(
      onMesh.all.map(({ data }) => data),
      ['1', '2'],
    );
  });

  it('refuses what a pod of ours posts in error, so that nobody gets it twice', async () => {
    await using mesh = await startMesh(new ListedPeers());
    const onMesh = follow(mesh, 'news');
    const { status } = await fetch(`http://127.0.0.1:${mesh.port}/api/json/v1/send`, {
      method: 'POST',
      headers: { 'Trunkline-Origin': mesh.log.origin },
      body: '{"stream":"news","msg":"twice"}',
    });
    assert.equal(status, 426);
    await mesh.publish('news', 'once');
    assert.equal((await onMesh.next()).data, 'once');
  });

  it('has posted all before it has drained', async () => {
    await using go = await PostedPod.start();
    const finder = new ListedPeers();
    finder.set(go.address);
    await using mesh = await startMesh(finder);
    await until(() => mesh.compatible?.peers.length === 1);
    for (let n = 0; n < 100; n += 1) await mesh.publish('news', `${n}`, { ack: 'local' });
    assert.equal(await mesh.drain(), 'alone');
    assert.equal(go.messages.length, 100);
    assert.deepEqual(
      go.messages,
      Array.from({ length: 100 }, (_, index) => `${index}`),
    );
  });

  it('is off with a secret, unless it is asked for', async () => {
    await using go = await PostedPod.start();
    const finder = new ListedPeers();
    finder.set(go.address);
    await using off = await startMesh(finder, { secret: SECRET });
    assert.equal(off.compatible, undefined);
    assert.equal(await post(off.port, '{"stream":"news","msg":"x"}'), 404);
    await until(() => go.others.length >= 3);
    await off.publish('news', 'not posted');
    await using on = await startMesh(finder, { secret: SECRET, compatible: true });
    assert.equal(await post(on.port, '{"stream":"news","msg":"x"}'), 200);
    await until(() => on.compatible?.peers.length === 1);
    await on.publish('news', 'posted');
    await go.inbox.next();
    assert.deepEqual(go.messages, ['posted']);
  });

  it('can be turned off', async () => {
    await using mesh = await startMesh(new ListedPeers(), { compatible: false });
    assert.equal(await post(mesh.port, '{"stream":"news","msg":"x"}'), 404);
    assert.throws(
      () => new Mesh(new EventLog(), { finder: new ListedPeers(), compatible: 'yes' as unknown as boolean }),
      /compatible must be true or false/,
    );
  });

  it('leaves other requests on the internal port to the program', async () => {
    await using server = new SSEServer(0, new ListedPeers(), {
      host: '127.0.0.1',
      times: TIMES,
      requests: (_req, res) => void res.end('mine'),
    });
    await server.start();
    const response = await fetch(`http://127.0.0.1:${server.internalPort}/health`);
    assert.equal(await response.text(), 'mine');
    assert.equal(await post(server.internalPort, 'bad'), 400);
  });
});
