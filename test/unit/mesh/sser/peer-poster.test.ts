import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import type { Address } from '../../../../src/mesh/node/dialer.js';
import { PeerPoster } from '../../../../src/mesh/sser/peer-poster.js';
import type { PostLimits } from '../../../../src/mesh/sser/posted-peer.js';
import { EventLog } from '../../../../src/push/index.js';
import { VirtualClock } from '../../../../src/testing/index.js';
import { PostedPod, until } from '../../../conformance/sser-support.js';

class World implements AsyncDisposable {
  readonly clock = new VirtualClock(100_000);
  readonly log = new EventLog({ clock: this.clock, origin: 'aaaaaaaa' });
  readonly warnings: [fields: Record<string, unknown>, message: string][] = [];
  readonly poster: PeerPoster;
  readonly #pods: PostedPod[] = [];

  constructor(limits: Partial<PostLimits> = {}) {
    const ignore = (): void => {};
    const warn = (fields: object, message: string): void => void this.warnings.push([{ ...fields }, message]);
    this.poster = new PeerPoster(this.log, { limits, logger: { debug: ignore, info: ignore, warn, error: warn } });
  }

  async pod(port = 0): Promise<PostedPod> {
    const pod = await PostedPod.start('127.0.0.1', port);
    this.#pods.push(pod);
    return pod;
  }

  publish(...messages: readonly string[]): void {
    for (const message of messages) this.log.publish('news', message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.poster.close();
    this.log.close();
    await Promise.all(this.#pods.map(async (pod) => await pod[Symbol.asyncDispose]()));
  }
}

function at(port: number): Address {
  return { host: '127.0.0.1', port, name: undefined };
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe('the poster', () => {
  it('posts own events in order over one connection, and says whose they are', async () => {
    await using world = new World();
    const pod = await world.pod();
    world.poster.serve(at(pod.port));
    const messages = Array.from({ length: 200 }, (_, index) => `m${index}`);
    world.publish(...messages);
    await world.poster.idle();
    assert.deepEqual(pod.messages, messages);
    assert.equal(pod.connections, 1);
    const [first] = pod.inbox.all;
    assert.equal(first?.headers['trunkline-origin'], 'aaaaaaaa');
    assert.equal(first?.headers['content-type'], 'application/json');
    assert.deepEqual(
      world.poster.peers.map(({ posted, failed, dropped, queued }) => [posted, failed, dropped, queued]),
      [[200, 0, 0, 0]],
    );
  });

  it('posts nothing of other pods, for these post it themselves', async () => {
    await using world = new World();
    const pod = await world.pod();
    world.poster.serve(at(pod.port));
    world.log.append({ origin: 'bbbbbbbb', n: 1, stream: 'news', type: 'message', data: 'theirs', age: 0 });
    world.publish('mine');
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['mine']);
  });

  it('leaves out what the original cannot hand on, and says so once', async () => {
    await using world = new World();
    const pod = await world.pod();
    world.poster.serve(at(pod.port));
    world.log.publish('news', 'typed', { type: 'price' });
    world.log.publish('news', '');
    world.log.publish('news', { a: [1] });
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['{"a":[1]}']);
    assert.equal(world.poster.skipped, 2);
    assert.equal(world.warnings.length, 1);
  });

  it('lets no peer delay another', async () => {
    await using world = new World();
    const [stuck, well] = [await world.pod(), await world.pod()];
    stuck.answer = () => {};
    world.poster.serve(at(stuck.port));
    world.poster.serve(at(well.port));
    world.publish('1', '2', '3');
    await until(() => well.messages.length === 3);
    await until(() => stuck.messages.length === 1);
    assert.deepEqual(stuck.messages, ['1']);
  });

  it('goes on behind a post without an answer, which it does not repeat', async () => {
    await using world = new World({ timeout: 2_000 });
    const pod = await world.pod();
    pod.answer = (res, { msg }) => (msg === '2' ? undefined : void res.writeHead(200).end());
    world.poster.serve(at(pod.port));
    world.publish('1', '2', '3');
    await until(() => pod.messages.length === 2);
    world.clock.advance(2_000);
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['1', '2', '3']);
    assert.deepEqual(
      world.poster.peers.map(({ posted, failed }) => [posted, failed]),
      [[2, 1]],
    );
    assert.equal(world.warnings.length, 1);
  });

  it('goes on behind an answer that is an error, too long, or cut off', async () => {
    await using world = new World();
    const pod = await world.pod();
    pod.answer = (res, { msg }) => {
      if (msg === '500') res.writeHead(500).end('no');
      else if (msg === 'long') res.writeHead(200).end(Buffer.alloc(1_000_000));
      else if (msg === 'cut') res.destroy();
      else res.writeHead(200).end();
    };
    world.poster.serve(at(pod.port));
    world.publish('500', 'long', 'cut', 'last');
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['500', 'long', 'cut', 'last']);
    assert.deepEqual(
      world.poster.peers.map(({ posted, failed }) => [posted, failed]),
      [[2, 2]],
    );
    assert.equal(world.warnings.length, 1, 'one complaint about one peer in ten seconds');
  });

  it('tries again what it could not send, for as long as that is fresh', async () => {
    await using world = new World({ maxAge: 10_000 });
    const port = await freePort();
    world.poster.serve(at(port));
    world.publish('old');
    await until(() => world.warnings.length === 1);
    world.clock.advance(9_000);
    world.publish('fresh');
    await world.poster.idle();
    const pod = await world.pod(port);
    // The old one is too old by now.
    world.clock.advance(2_000);
    await until(() => pod.messages.length === 1);
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['fresh']);
    assert.equal(world.poster.peers[0]?.dropped, 1);
  });

  it('keeps so much for a peer and no more; the oldest goes first', async () => {
    await using world = new World({ maxEvents: 3, maxCharacters: 100 });
    const pod = await world.pod();
    const held: (() => void)[] = [];
    pod.answer = (res) => void held.push(() => void res.writeHead(200).end());
    world.poster.serve(at(pod.port));
    world.publish('1', '2', '3', '4', '5', '6');
    assert.deepEqual([world.poster.peers[0]?.dropped, world.poster.peers[0]?.queued], [2, 3]);
    world.publish('x'.repeat(99), 'yy');
    assert.equal(world.poster.peers[0]?.queued, 1);
    await until(() => held.length === 1);
    pod.answer = (res) => void res.writeHead(200).end();
    held[0]?.();
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['1', 'yy']);
  });

  it('takes one that is larger than all that may wait', async () => {
    await using world = new World({ maxCharacters: 10 });
    const pod = await world.pod();
    world.poster.serve(at(pod.port));
    world.publish('x'.repeat(50));
    await world.poster.idle();
    assert.equal(pod.messages[0]?.length, 50);
  });

  for (const status of [404, 405, 426, 501]) {
    it(`stops at an answer ${status}, which is of no pod of the original`, async () => {
      await using world = new World();
      const pod = await world.pod();
      pod.answer = (res) => void res.writeHead(status).end();
      world.poster.serve(at(pod.port));
      world.publish('1', '2');
      await until(() => world.poster.peers.length === 0);
      await world.poster.idle();
      assert.deepEqual(pod.messages, ['1']);
    });
  }

  it('posts nothing to who is gone, and nothing any more once it is closed', async () => {
    await using world = new World();
    const [gone, stays] = [await world.pod(), await world.pod()];
    world.poster.setPeers([at(gone.port), at(stays.port)]);
    world.poster.serve(at(gone.port));
    world.poster.serve(at(stays.port));
    world.poster.setPeers([at(stays.port)]);
    world.publish('1');
    await world.poster.idle();
    assert.deepEqual([gone.messages, stays.messages], [[], ['1']]);
    world.poster.close();
    world.publish('2');
    await world.poster.idle();
    assert.deepEqual([stays.messages, world.poster.peers], [['1'], []]);
  });

  it('posts to a peer what was published while it was not known yet what it is', async () => {
    await using world = new World();
    const pod = await world.pod();
    world.publish('before');
    world.poster.setPeers([at(pod.port)]);
    world.publish('meanwhile');
    world.log.publish('news', 'typed', { type: 'price' });
    world.poster.serve(at(pod.port));
    world.poster.serve(at(pod.port));
    world.publish('after');
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['meanwhile', 'after']);
  });

  it('does not post what was published while nobody was there', async () => {
    await using world = new World();
    const pod = await world.pod();
    world.poster.setPeers([at(pod.port)]);
    world.publish('nobody');
    world.poster.absent(at(pod.port));
    world.publish('somebody');
    world.poster.serve(at(pod.port));
    await world.poster.idle();
    assert.deepEqual(pod.messages, ['somebody']);
  });

  it('does not wait for peers that cannot be reached', async () => {
    await using world = new World();
    world.poster.serve(at(await freePort()));
    world.publish('1');
    await world.poster.idle();
    assert.equal(world.poster.peers[0]?.queued, 1);
  });

  it('speaks IPv6', async (t) => {
    const pod = await PostedPod.start('::1').catch(() => undefined);
    if (pod === undefined) return t.skip('there is no IPv6');
    await using world = new World();
    world.poster.serve({ host: '::1', port: pod.port, name: undefined });
    world.publish('1');
    await world.poster.idle();
    assert.equal(pod.inbox.all[0]?.headers.host, `[::1]:${pod.port}`);
    await pod[Symbol.asyncDispose]();
  });
});
