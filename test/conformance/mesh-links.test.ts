import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { Mesh } from '../../src/mesh/mesh.js';
import { EventLog } from '../../src/push/index.js';
import { ListedPeers } from '../support/listed-peers.js';
import { Pods, until } from '../support/mesh-pods.js';

describe('a mesh over real links', () => {
  it('brings what is published on one pod to clients of every pod, in order, once', async () => {
    await using pods = new Pods();
    const [a, b, c] = [await pods.add(), await pods.add(), await pods.add()];
    await until(() => pods.meshes.every(({ links }) => links.length === 2));
    const received = [a, b, c].map(async ({ log }) => {
      const got: string[] = [];
      for await (const item of log.subscribe('news', { start: 'start' })) {
        assert.equal(item.kind, 'event');
        if (item.kind === 'event') got.push(item.data);
        if (got.length === 300) break;
      }
      return got;
    });
    const published = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => await [a, b, c][i % 3]?.publish('news', String(i))),
    );
    assert.ok(published.every((result) => result !== undefined && result.acks >= 1));
    for (const got of await Promise.all(received)) {
      for (const rest of [0, 1, 2]) {
        const ofOne = got.filter((data) => Number(data) % 3 === rest);
        assert.deepEqual(
          ofOne,
          Array.from({ length: 100 }, (_, i) => String(3 * i + rest)),
        );
      }
    }
  });

  it('gives a new pod the history of the others before it is ready', async () => {
    await using pods = new Pods();
    const first = await pods.add();
    for (let i = 0; i < 50; i++) await first.publish('news', String(i));
    const second = await pods.add();
    assert.equal(second.state, 'ready');
    assert.equal(second.log.history('news').length, 50);
  });

  it('hands over before a pod leaves', async () => {
    await using pods = new Pods();
    const [a, b] = [await pods.add(), await pods.add()];
    await until(() => pods.meshes.every(({ links }) => links.length === 1));
    const event = a.log.publish('news', 'the last word');
    assert.equal(await a.drain(), 'handed-over');
    await a.close();
    assert.equal(b.log.newest('news')?.data, 'the last word');
    assert.equal(b.log.newest('news')?.n, event.n);
    await assert.rejects(a.publish('news', 'too late'), { code: 'ERR_POD_NOT_READY' });
  });

  it('tells who follows on every pod', async () => {
    await using pods = new Pods();
    const [a, b, c] = [await pods.add(), await pods.add(), await pods.add()];
    await until(() => pods.meshes.every(({ links }) => links.length === 2));
    const following = [
      a.log.subscribe('news'),
      b.log.subscribe(['news', 'sport']),
      b.log.subscribe('s*'),
      ...Array.from({ length: 5_000 }, (_, i) => c.log.subscribe(`stream-${i}-${'x'.repeat(100)}`)),
    ];
    let told = await a.presence({ timeout: 30_000 });
    // Of two links that were dialled at the same time one has just gone.
    while (told.missing.length > 0) told = await a.presence({ timeout: 30_000 });
    const { pods: present } = told;
    const of = (mesh: Mesh): (typeof present)[number] | undefined =>
      present.find(({ origin }) => origin === mesh.log.origin);
    assert.equal(present.length, 3);
    assert.deepEqual([of(a)?.name, of(a)?.clients, [...(of(a)?.streams ?? [])]], ['pod-0', 1, [['news', 1]]]);
    assert.equal(of(b)?.clients, 2);
    assert.deepEqual(new Map(of(b)?.streams), b.log.counts());
    assert.equal(of(c)?.clients, 5_000);
    assert.deepEqual(new Map(of(c)?.streams), c.log.counts());
    for (const subscription of following) subscription.close();
    await assert.rejects(a.presence({ signal: AbortSignal.abort(new Error('enough')) }), /enough/);
  });

  it('names pods that do not tell who follows there', async () => {
    await using pods = new Pods();
    const [a, b] = [await pods.add(), await pods.add()];
    await until(() => pods.meshes.every(({ links }) => links.length === 1));
    const asked = a.presence();
    const closed = b.close();
    const { pods: present, missing } = await asked;
    assert.deepEqual(
      [present.map(({ name }) => name), missing].flat().toSorted(),
      ['pod-0', 'pod-1'],
      'it has answered just before it ended, or it is missing',
    );
    await closed;
    assert.deepEqual((await a.presence()).missing, []);
  });

  it('counts what goes over links', async () => {
    await using pods = new Pods();
    const [a, b] = [await pods.add(), await pods.add()];
    await until(() => pods.meshes.every(({ links }) => links.length === 1));
    for (let i = 0; i < 10; i++) await a.publish('news', i);
    await until(() => b.log.haveOf(a.log.origin) === 10 && a.links[0]?.behind === 0);
    assert.equal(a.links[0]?.sent, 10);
    const { links, linked, sent, received, lost, publishing } = a.stats();
    assert.deepEqual([links, received, lost, publishing], [1, 0, 0, 0]);
    // More where an event was sent again on the one of two links that stayed.
    assert.ok(linked >= 1 && sent >= 10);
    assert.ok((a.links[0]?.bytesSent ?? 0) > 50 && (a.links[0]?.bytesReceived ?? 0) > 50);
    await b.close();
    await until(() => a.links.length === 0);
    assert.equal(a.stats().sent, sent, 'links that are over count too');
  });

  it('gives up waiting to be ready when it is told to', async () => {
    const reason = new Error('not any more');
    const mesh = new Mesh(new EventLog(), {
      finder: new ListedPeers(),
      host: '127.0.0.1',
      port: 0,
      times: { aloneAfter: 3_600_000 },
    });
    await assert.rejects(mesh.start({ signal: AbortSignal.timeout(20) }), { name: 'TimeoutError' });
    await assert.rejects(mesh.publish('news', 1), { code: 'ERR_POD_NOT_READY', state: 'closed' });
    await assert.rejects(mesh.start({ signal: AbortSignal.abort(reason) }), reason);
  });

  it('links pods that share a secret, and no others', async () => {
    await using pods = new Pods();
    const secret = 'what only pods know';
    const [a, b] = [await pods.add({ secret }), await pods.add({ secret })];
    await until(() => a.links.length === 1 && b.links.length === 1);
    // Whoever knows another secret, or none, is refused, and does not serve: it would be a mesh of its own in silence.
    const { mesh: wrong } = await pods.begin({ secret: 'what others think it is' });
    const { mesh: none } = await pods.begin();
    await until(() => [wrong, none].every((pod) => pod.stats().dialFailures > 6));
    assert.deepEqual([wrong.state, none.state], ['joining', 'joining']);
    await a.publish('news', 'among us');
    assert.equal(b.log.newest('news')?.data, 'among us');
    assert.deepEqual([wrong.links, none.links], [[], []]);
    assert.deepEqual([wrong.log.newest('news'), none.log.newest('news')], [undefined, undefined]);
    assert.deepEqual([a.links.length, b.links.length], [1, 1]);
  });

  it('takes what is published again under its key on another pod for the same, and waits for those who have it', async () => {
    await using pods = new Pods();
    const [a, b, c] = [await pods.add(), await pods.add(), await pods.add()];
    await until(() => pods.meshes.every(({ links }) => links.length === 2));
    const first = await a.publish('news', 'once', { key: 'order-1', ack: 'all' });
    const again = await b.publish('news', 'once', { key: 'order-1', ack: 'all' });
    assert.deepEqual([again.event.origin, again.event.n, again.acks], [first.event.origin, first.event.n, 3]);
    await a.close();
    await until(() => b.links.length === 1 && c.links.length === 1);
    const last = await c.publish('news', 'once', { key: 'order-1' });
    assert.deepEqual([last.event.origin, last.event.n, last.acks], [first.event.origin, first.event.n, 2]);
    await b.close();
    await until(() => c.links.length === 0);
    // Who held it has gone, and nobody is left to have it.
    const alone = await c.publish('news', 'once', { key: 'order-1' });
    assert.deepEqual([alone.event.n, alone.acks], [first.event.n, 1]);
  });

  it('F7: gives a stranger at the address of a pod that has gone nothing, and goes on with the others', async () => {
    await using pods = new Pods();
    const secret = 'what only pods know';
    const [a, b, c] = [await pods.add({ secret }), await pods.add({ secret }), await pods.add({ secret })];
    await until(() => pods.meshes.every(({ links }) => links.length === 2));
    const { port } = c;
    await c.close();
    await using strangers = new Pods();
    const { mesh: stranger } = await strangers.begin({ port, name: 'pod-2', secret: 'another secret, of others' });
    assert.equal(stranger.port, port);
    const failures = a.stats().dialFailures;
    const { acks } = await a.publish('news', 'not for strangers');
    await until(() => a.stats().dialFailures > failures + 3);
    assert.equal(acks, 2);
    assert.deepEqual([a.links.length, b.links.length, stranger.links], [1, 1, []]);
    assert.equal(stranger.log.newest('news'), undefined);
    assert.ok(a.links.every(({ name }) => name === 'pod-1'));
  });

  it('asks for a proof before it reads anything, and takes none twice', async () => {
    await using pods = new Pods();
    const { port } = await pods.add({ secret: 'what only pods know' });
    const ask = async (headers: string): Promise<string> => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      let answer = '';
      socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
      socket.write(
        `GET /mesh/v1/link HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: yamux-headers/1\r\n${headers}\r\n`,
      );
      await once(socket, 'close');
      return answer;
    };
    const first = await ask('');
    assert.match(first, /^HTTP\/1\.1 401 /);
    const challenge = /trunkline-challenge: (\S+)/i.exec(first)?.[1] ?? '';
    assert.notEqual(challenge, '');
    const guess = `Trunkline-Challenge: ${challenge}\r\nTrunkline-Nonce: n\r\nTrunkline-Proof: ${'A'.repeat(43)}\r\n`;
    assert.match(await ask(guess), /^HTTP\/1\.1 401 /);
    assert.match(await ask(guess), /^HTTP\/1\.1 401 /, 'the challenge was used up');
  });

  it('serves nothing else on the internal port, unless it is told to', async () => {
    await using pods = new Pods();
    const { port } = await pods.add();
    assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 404);
    const other = await pods.add({ requests: (_req, res) => void res.end('hello') });
    assert.equal(await (await fetch(`http://127.0.0.1:${other.port}/`)).text(), 'hello');
  });
});
