import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { decodeMessage, encodeMessage } from '../../src/mesh/protocol/codec.js';
import type { Hello, Lane, MeshMessage, WireEvent } from '../../src/mesh/protocol/messages.js';
import { helloOf } from '../sim/hand-link.js';
import { handPair, HandWorld, type HandEnd, type HandPod } from '../sim/hand-wire.js';
import { Pods, until } from '../support/mesh-pods.js';
import { linkRequest, Raw } from './mesh-support.js';

const OWN = 'AAAAAAAA';
const OTHER = 'BBBBBBBB';
const GONE = 'ZZZZZZZZ';

interface Member {
  readonly near: HandEnd;
  say(lane: Lane, message: MeshMessage): void;
  heard(): MeshMessage[];
}

/** Somebody who knows the secret, and may say what it likes. */
function member(pod: HandPod, hello: Partial<Hello>): Member {
  const [far, near] = handPair();
  pod.node.accept(near);
  const say = (lane: Lane, message: MeshMessage): void => {
    far.send(lane, encodeMessage(message));
    near.deliver();
  };
  const heard = (): MeshMessage[] =>
    far.inbox.splice(0).flatMap((each) => {
      const message = each === undefined ? undefined : decodeMessage(each.lane, each.bytes);
      return message === undefined ? [] : [message];
    });
  say('control', helloOf(hello));
  return { near, say, heard };
}

function event(n: number, data = 'genuine'): WireEvent {
  return { n, stream: 'a', type: 'message', data, key: undefined, age: 0 };
}

function start(): { readonly world: HandWorld; readonly pod: HandPod } {
  const world = new HandWorld();
  const pod = world.addPod(OWN, 'a');
  for (let n = 1; n <= 3; n++) pod.log.publish('a', 'own');
  return { world, pod };
}

describe('Row 30: who one is', () => {
  it('is not this pod: nobody else is its run, nor has more of it than there is', () => {
    const { pod } = start();
    assert.equal(member(pod, { origin: OWN, name: 'thief' }).near.over, true);
    assert.equal(member(pod, { origin: OTHER, have: [[OWN, 4]] }).near.over, true);
    assert.equal(pod.node.links.size, 0);
  });

  it('is not a run that is linked under another name, however late it has dialled', () => {
    const { pod } = start();
    const genuine = member(pod, { origin: OTHER, name: 'b' });
    const thief = member(pod, { origin: OTHER, name: 'thief', dial: Number.MAX_SAFE_INTEGER });
    assert.deepEqual([genuine.near.over, thief.near.over], [false, true]);
    genuine.say('log', { kind: 'events', events: [event(1)] });
    assert.equal(pod.log.haveOf(OTHER), 1);
  });

  it('is one of a name: a newer run replaces the older one, as it does after a restart', () => {
    const { pod } = start();
    const older = member(pod, { origin: OTHER, name: 'b' });
    const newer = member(pod, { origin: 'CCCCCCCC', name: 'b' });
    assert.deepEqual([older.near.over, newer.near.over], [true, false]);
    older.say('log', { kind: 'events', events: [event(1, 'late')] });
    assert.equal(pod.log.haveOf(OTHER), 0, 'what the older one still says is not heard');
  });

  it('decides whose events one sends: what comes twice, or again on another link, is taken once', () => {
    const { pod } = start();
    const b = member(pod, { origin: OTHER, name: 'b' });
    for (let i = 0; i < 3; i++) b.say('log', { kind: 'events', events: [event(1), event(2)] });
    b.say('log', { kind: 'events', events: [event(1, 'replaced'), event(2, 'replaced'), event(3)] });
    const again = member(pod, { origin: OTHER, name: 'b', dial: 1 });
    again.say('log', { kind: 'events', events: [event(1, 'replaced'), event(2), event(3)] });
    const got = pod.log.history('a').filter(({ origin }) => origin === OTHER);
    assert.deepEqual(
      got.map(({ n, data }) => `${n} ${data}`),
      ['1 genuine', '2 genuine', '3 genuine'],
    );
  });

  it('does not matter for answers nobody has asked for: they are passed over', () => {
    const { pod } = start();
    const b = member(pod, { origin: OTHER, name: 'b' });
    b.say('fetch', { kind: 'found', id: 1, events: [event(1, 'forged')], through: 1 });
    const forged = { ...event(1, 'forged'), origin: GONE };
    b.say('fetch', { kind: 'part', id: 1, streams: [], events: [forged], have: [[GONE, 99]], last: true });
    b.say('fetch', { kind: 'here', id: 1, clients: 1_000, streams: [['a', 1_000]], last: true });
    assert.deepEqual([pod.log.haveOf(GONE), pod.log.haveOf(OTHER)], [0, 0]);
    assert.equal(pod.log.history('a').length, 3);
    assert.equal(b.near.over, false);
  });

  it('does not let an answer be about another origin, or about this pod, than was asked for', () => {
    const { world, pod } = start();
    const b = member(pod, { origin: OTHER, name: 'b', have: [[GONE, 2]] });
    world.clock.advance(1_000);
    const asked = b.heard().find((message) => message.kind === 'fetch');
    assert.ok(asked?.kind === 'fetch' && asked.origin === GONE);
    const c = member(pod, { origin: 'CCCCCCCC', name: 'c' });
    c.say('fetch', { kind: 'found', id: asked.id, events: [event(1, 'forged'), event(2, 'forged')], through: 2 });
    assert.equal(pod.log.haveOf(GONE), 0, 'nobody has asked this one');
    b.say('fetch', { kind: 'found', id: asked.id, events: [event(1), event(2)], through: 2 });
    assert.equal(pod.log.haveOf(GONE), 2);
  });

  it('does not let a copy of the history bring events of this pod', () => {
    const world = new HandWorld();
    const pod = world.addPod(OWN, 'a', {}, 'joining');
    const b = member(pod, { origin: OTHER, name: 'b' });
    const asked = b.heard().find((message) => message.kind === 'copy');
    assert.ok(asked?.kind === 'copy');
    const forged = { ...event(1, 'forged'), origin: OWN };
    b.say('fetch', { kind: 'part', id: asked.id, streams: [], events: [forged], have: [], last: false });
    assert.equal(b.near.over, true);
    assert.deepEqual(pod.log.history('a'), []);
  });
});

describe('Row 30: a handshake that was recorded', () => {
  /** A relay that keeps what goes by. */
  async function tap(
    port: number,
  ): Promise<{ readonly port: number; readonly up: Buffer[][]; close(): Promise<void> }> {
    const up: Buffer[][] = [];
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
      const target = connect(port, '127.0.0.1');
      const chunks: Buffer[] = [];
      up.push(chunks);
      client.on('data', (chunk: Buffer) => void chunks.push(chunk));
      for (const [from, to] of [
        [client, target],
        [target, client],
      ] as const) {
        sockets.add(from);
        from.on('error', () => to.destroy());
        from.pipe(to);
      }
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      port: (server.address() as AddressInfo).port,
      up,
      close: async () => {
        for (const socket of sockets) socket.destroy();
        await new Promise<void>((resolve) => void server.close(() => resolve()));
      },
    };
  }

  it('opens nothing when it is played again, to the same pod or to another', { timeout: 30_000 }, async () => {
    const secret = 'what only pods know';
    await using pods = new Pods();
    await using others = new Pods();
    const a = await pods.add({ secret });
    const b = await pods.add({ secret });
    const wire = await tap(a.port);
    const finder = {
      async *peers({ signal }: { readonly signal?: AbortSignal } = {}) {
        yield [{ host: '127.0.0.1', port: wire.port, self: false }];
        await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
      },
    };
    // Only it knows of the others, and dials.
    const c = await others.add({ secret, finder, name: 'tapped' });
    await c.publish('news', 'a word among pods');
    await until(() => a.log.newest('news') !== undefined);
    const recorded = wire.up
      .map((chunks) => Buffer.concat(chunks))
      .find((bytes) => /^trunkline-proof: /im.test(bytes.toString('latin1')));
    assert.ok(recorded !== undefined, 'the handshake went by');
    await c.close();
    await wire.close();
    for (const { port } of [a, b]) {
      const raw = new Raw(port);
      raw.socket.write(recorded);
      assert.equal(await raw.status(), 401);
      raw.socket.end();
      await raw.closed();
    }
    await until(() => a.links.every(({ name }) => name !== 'tapped'));
    assert.equal(a.log.history('news').length, 1);
  });

  it(
    'does not serve the other role: what a dialler has proved is no answer to a dialler',
    { timeout: 30_000 },
    async () => {
      const secret = 'what only pods know';
      await using pods = new Pods();
      // It asks everybody for the proof of what it was itself asked, and answers with that.
      let proofs = 0;
      const mirror = createServer((socket) => {
        socket.on('error', () => {});
        socket.on('data', (chunk: Buffer) => {
          const proof = /^trunkline-proof: (\S+)/im.exec(chunk.toString('latin1'))?.[1];
          if (proof === undefined) {
            socket.end('HTTP/1.1 401 Unauthorized\r\nTrunkline-Challenge: made-up\r\nContent-Length: 0\r\n\r\n');
            return;
          }
          proofs += 1;
          socket.write(
            `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: yamux-headers/1\r\nTrunkline-Proof: ${proof}\r\n\r\n`,
          );
        });
      }).listen(0, '127.0.0.1');
      await once(mirror, 'listening');
      const { port } = mirror.address() as AddressInfo;
      const finder = {
        async *peers({ signal }: { readonly signal?: AbortSignal } = {}) {
          yield [{ host: '127.0.0.1', port, self: false }];
          await new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true }));
        },
      };
      const { mesh } = await pods.begin({ secret, finder });
      await until(() => proofs > 2 && mesh.stats().dialFailures > 2);
      assert.deepEqual([mesh.links, mesh.state], [[], 'joining']);
      await mesh.close();
      mirror.close();
      await once(mirror, 'close');
    },
  );

  it('is refused without a proof, and with a proof of another secret', { timeout: 30_000 }, async () => {
    await using pods = new Pods();
    const mesh = await pods.add({ secret: 'what only pods know' });
    const raw = new Raw(mesh.port);
    raw.socket.write(linkRequest());
    assert.equal(await raw.status(), 401);
    assert.notEqual(raw.header('Trunkline-Challenge'), '');
    raw.socket.destroy();
    assert.deepEqual(mesh.links, []);
  });
});
