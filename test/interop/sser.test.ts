// A Deployment that rolls from the Go package go.skia.org/infra/go/sser to this one. The module of the package cannot be had
// from the module proxy, so the pods in Go are a stand-in that was written after it, on the same library for event streams
// (github.com/r3labs/sse/v2); see go/sser/standin.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { Client } from '../conformance/sser-support.js';
import { buildSserPod, follow, freePort, GoPod, TrunklinePod, type DeployedPod } from './support/sser-pods.js';

const HOSTS = ['127.83.0.1', '127.83.0.2', '127.83.0.3', '127.83.0.4'] as const;

async function tellAll(pods: readonly DeployedPod[]): Promise<void> {
  const hosts = pods.map(({ host }) => host);
  await Promise.all(pods.map(async (pod) => await pod.setPeers(hosts)));
}

async function close(...all: readonly AsyncDisposable[]): Promise<void> {
  await Promise.all(all.map(async (one) => await one[Symbol.asyncDispose]()));
}

/** Waits until a client has these, in whatever order they came from different pods, and fails for repeats. */
async function receives(client: Client, expected: readonly string[]): Promise<void> {
  const missing = new Set(expected);
  for (const data of client.data) missing.delete(data);
  while (missing.size > 0) missing.delete((await client.events.next()).data);
  assert.equal(new Set(client.data).size, client.data.length, `repeated: ${repeats(client.data).join()}`);
}

function repeats(data: readonly string[]): string[] {
  return data.filter((one, index) => data.indexOf(one) !== index);
}

/** Asserts that events of each pod came in the order in which it sent them. */
function inOrder(client: Client): void {
  const last = new Map<string, number>();
  for (const data of client.data) {
    const [sender = '', n] = data.split(' ');
    assert.ok(Number(n) > (last.get(sender) ?? 0), `${data} behind ${last.get(sender)}`);
    last.set(sender, Number(n));
  }
}

/** Sends numbered events, and knows them all. */
class Sender {
  readonly pod: DeployedPod;
  readonly sent: string[] = [];
  readonly #name: string;

  constructor(pod: DeployedPod) {
    this.pod = pod;
    this.#name = `${pod instanceof GoPod ? 'go' : 'ts'}@${pod.host}`;
  }

  async send(): Promise<void> {
    const message = `${this.#name} ${this.sent.length + 1}`;
    this.sent.push(message);
    await this.pod.send('foo', message);
  }
}

describe('pods of a stand-in for the Go package beside pods of ours', () => {
  before(() => buildSserPod());

  it('two and two: what any pod sends reaches the clients of all once, in order', { timeout: 60_000 }, async () => {
    const port = await freePort();
    const pods = await Promise.all([
      GoPod.start(HOSTS[0], port),
      GoPod.start(HOSTS[1], port),
      TrunklinePod.start(HOSTS[2], port),
      TrunklinePod.start(HOSTS[3], port),
    ]);
    await tellAll(pods);
    const clients = await Promise.all([...pods, ...pods].map(async (pod) => await follow(pod, 'foo')));
    const stranger = await follow(pods[0], 'bar');
    const senders = pods.map((pod) => new Sender(pod));
    for (let n = 0; n < 40; n += 1) await Promise.all(senders.map(async (sender) => await sender.send()));
    const all = senders.flatMap(({ sent }) => sent);
    await Promise.all(clients.map(async (client) => await receives(client, all)));
    for (const client of clients) {
      assert.equal(client.data.length, 160);
      inOrder(client);
    }
    // What is behind shows that nothing came twice.
    for (const pod of pods) await pod.send('foo', `the end of ${pod.host}`);
    await Promise.all(
      clients.map(
        async (client) =>
          await receives(
            client,
            pods.map(({ host }) => `the end of ${host}`),
          ),
      ),
    );
    for (const client of clients) assert.equal(client.data.length, 164);
    assert.deepEqual(stranger.data, []);
    for (const { server } of pods.slice(2) as TrunklinePod[]) {
      assert.deepEqual(
        server.mesh.compatible?.peers.map(({ posted, failed, dropped }) => [posted, failed, dropped]),
        [
          [41, 0, 0],
          [41, 0, 0],
        ],
      );
      assert.deepEqual([server.mesh.compatible?.received, server.mesh.compatible?.refused], [82, 0]);
    }
    await close(...clients, stranger, ...pods);
  });

  it(
    'pods are replaced one by one while all send: who stays loses nothing and gets nothing twice',
    { timeout: 120_000 },
    async () => {
      const port = await freePort();
      const pods: DeployedPod[] = await Promise.all(HOSTS.map(async (host) => await GoPod.start(host, port)));
      await tellAll(pods);
      const clients = await Promise.all(pods.map(async (pod) => await follow(pod, 'foo')));
      const senders = pods.map((pod) => new Sender(pod));
      const everything = (): string[] => senders.flatMap(({ sent }) => sent);
      const roll = async (index: number): Promise<void> => {
        const host = HOSTS[index] ?? '';
        const [old] = pods.splice(index, 1);
        const [client] = clients.splice(index, 1);
        const [gone] = senders.splice(index, 1);
        assert.ok(old !== undefined && client !== undefined && gone !== undefined);
        const hosts = pods.map((pod) => pod.host);
        // The original is told first, as its finder would: it loses events when a peer does not answer. Ours need not be.
        for (const pod of pods) if (pod instanceof GoPod) await pod.setPeers(hosts);
        await close(client, old);
        const pod = await TrunklinePod.start(host, port, HOSTS);
        pods.splice(index, 0, pod);
        await tellAll(pods);
        clients.splice(index, 0, await follow(pod, 'foo'));
        senders.splice(index, 0, new Sender(pod));
      };
      for (let index = 0; index < HOSTS.length; index += 1) {
        const staying = clients.filter((_, at) => at !== index);
        const earlier = everything();
        const state = { rolled: false };
        const rolling = roll(index).finally(() => (state.rolled = true));
        while (!state.rolled) {
          for (const sender of senders.filter(({ pod }) => pod.host !== HOSTS[index])) await sender.send();
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
        await rolling;
        const others = senders.filter(({ pod }) => pod.host !== HOSTS[index]);
        const meanwhile = others.flatMap(({ sent }) => sent).filter((message) => !earlier.includes(message));
        assert.ok(meanwhile.length >= 3);
        await Promise.all(staying.map(async (client) => await receives(client, meanwhile)));
        // All together again.
        const until = everything();
        for (let n = 0; n < 10; n += 1) await Promise.all(senders.map(async (sender) => await sender.send()));
        const since = everything().filter((message) => !until.includes(message));
        await Promise.all(clients.map(async (client) => await receives(client, since)));
        for (const client of clients) inOrder(client);
      }
      for (const { server } of pods as TrunklinePod[]) {
        assert.equal(server.mesh.links.length, 3);
        assert.deepEqual(server.mesh.compatible?.peers, []);
        assert.equal(server.mesh.stats().lost, 0);
      }
      await close(...clients, ...pods);
    },
  );

  it('clients of our pods resume on another by cursor, beside pods of the stand-in', { timeout: 60_000 }, async () => {
    const port = await freePort();
    const go = await GoPod.start(HOSTS[0], port);
    const [a, b] = await Promise.all([TrunklinePod.start(HOSTS[1], port), TrunklinePod.start(HOSTS[2], port)]);
    await tellAll([go, a, b]);
    const first = await follow(a, 'foo');
    await a.send('foo', 'seen');
    await go.send('foo', 'posted, without a cursor of its own');
    await receives(first, ['seen', 'posted, without a cursor of its own']);
    const cursor = first.lastEventId;
    await close(first);
    await b.send('foo', 'missed 1');
    await a.send('foo', 'missed 2');
    const again = await follow(b, 'foo', cursor);
    await receives(again, ['missed 1', 'missed 2']);
    await go.send('foo', 'live');
    await receives(again, ['live']);
    assert.equal(again.data.length, 3);
    await close(again, go, a, b);
  });

  it(
    'clients that come from a pod of the stand-in are taken on, though its ids mean nothing here',
    { timeout: 60_000 },
    async () => {
      const port = await freePort();
      const go = await GoPod.start(HOSTS[0], port);
      const ours = await TrunklinePod.start(HOSTS[1], port);
      await tellAll([go, ours]);
      const first = await follow(go, 'foo');
      for (const message of ['1', '2', '3']) await go.send('foo', message);
      await receives(first, ['1', '2', '3']);
      assert.match(first.lastEventId, /^\d+$/);
      await close(first, go);
      await ours.setPeers([HOSTS[1]]);
      const after = await follow(ours, 'foo', first.lastEventId);
      await ours.send('foo', '4');
      await receives(after, ['4']);
      assert.equal(after.data.length, 1);
      await close(after, ours);
    },
  );

  it('messages that the original would break come out whole on its pods', { timeout: 60_000 }, async () => {
    const port = await freePort();
    const go = await GoPod.start(HOSTS[0], port);
    const ours = await TrunklinePod.start(HOSTS[1], port);
    await tellAll([go, ours]);
    const clients = [await follow(go, 'foo'), await follow(ours, 'foo')];
    const messages = [
      ':colon',
      'two\nlines',
      'x\nevent: forged\nid: 9',
      '\n',
      '  spaces  ',
      '{"a":"\u00e9\u4e16\u{1F600}"}',
      ':\n:',
    ];
    for (const message of messages) await ours.send('foo', message);
    // It has neither types nor empty messages.
    await ours.server.send('foo', 'typed', { type: 'price' });
    await ours.server.mesh.publish('foo', '');
    await ours.send('foo', 'end');
    await Promise.all(clients.map(async (client) => await client.events.find(({ data }) => data === 'end')));
    assert.deepEqual(clients[0]?.data, [...messages, 'end']);
    assert.deepEqual(clients[1]?.data, [...messages, 'typed', '', 'end']);
    for (const { type } of clients[0]?.events.all ?? []) assert.equal(type, 'message');
    // And those that it sends itself come out whole on ours.
    await go.send('foo', 'three\nmore\nlines');
    await receives(clients[1] as Client, ['three\nmore\nlines']);
    await close(...clients, go, ours);
  });
});
