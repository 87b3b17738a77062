import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../src/testing/random.js';
import { startWorld } from './start.js';
import { walk, type WalkShape } from './walk.js';
import { MeshWorld } from './world.js';

/** All that came of a walk, to be compared. */
function story(seed: number, shape: WalkShape, prepare?: (world: MeshWorld) => void): unknown {
  const { published, clients, drains, losses, clock } = walk(seed, shape, prepare);
  const received = clients.map((client) => [
    [...client.received].map(([origin, set]) => [origin, [...set]]),
    client.gaps,
  ]);
  return [published, received, drains, losses, clock.now()];
}

const EVERYTHING: WalkShape = { pods: 4, steps: 300, kills: true, cuts: true, drains: true, slow: true };

describe('F8: clocks', () => {
  it('the wall clock may jump by hours, and back: nothing is different, to the letter', (t) => {
    const expected = story(7, EVERYTHING);
    const random = seededRandom(1);
    let wall = 1_800_000_000_000;
    let asked = 0;
    t.mock.method(Date, 'now', () => {
      asked += 1;
      wall += (random() - 0.5) * 7_200_000;
      return wall;
    });
    assert.notEqual(Date.now(), Date.now());
    assert.deepEqual(story(7, EVERYTHING), expected);
    assert.equal(asked, 2, 'nobody asks for it');
  });

  it('pods whose clocks began hours apart, and differ in speed, keep order and history alike', () => {
    const { world, pods } = startWorld(81, 4, { skew: true, history: { age: 20_000 } });
    const clients = pods.map((pod) => {
      const client = world.addClient(['x']);
      client.connect(pod.log);
      return client;
    });
    for (let i = 0; i < 40; i++) {
      world.publish(world.pick(pods), 'x');
      world.pass(200, 50);
    }
    for (const client of clients) {
      assert.equal(
        [...client.received.values()].reduce((sum, { size }) => sum + size, 0),
        40,
      );
      client.connect(world.pick(pods).log);
    }
    world.pass(500);
    for (const { gaps } of clients) assert.deepEqual(gaps, []);
    assert.deepEqual(
      pods.map(({ log }) => log.history('x').length),
      [40, 40, 40, 40],
    );
    world.pass(22_500, 250);
    assert.deepEqual(
      pods.map(({ log }) => log.history('x').length),
      [0, 0, 0, 0],
      'ages go from pod to pod, and times do not',
    );
    world.settle();
    world.check();
    world.end();
  });
});

describe('F15: a burst', () => {
  it('of 100,000 events in a second: memory is bounded, followers are told what they miss, and the mesh goes on', () => {
    const { world, pods } = startWorld(82, 3);
    const [a, b, c] = pods;
    const client = world.addClient(['x']);
    client.connect(c.log);
    for (let tick = 0; tick < 100; tick++) {
      for (let i = 0; i < 1_000; i++) a.log.publish('x', tick);
      world.pass(10, 10);
    }
    world.pass(5_000);
    for (const { log } of [a, b, c]) {
      assert.equal(log.haveOf(a.log.origin), 100_000);
      assert.equal(log.history('x').length, 1_000, 'no more than the history');
    }
    const got = client.received.get(a.log.origin)?.size ?? 0;
    const missed = client.gaps
      .flatMap(({ gap }) => gap.missing)
      .reduce((sum, { after, through = after }) => sum + through - after, 0);
    assert.ok(got > 0 && got + missed >= 100_000, `${got} came, ${missed} were told of as missing`);
    assert.deepEqual(world.network.violations, [], 'nowhere was too much queued');
    const event = world.publish(a, 'x');
    world.pass(200);
    assert.equal((event?.acks ?? 0) >= 1, true);
    world.settle();
    world.check();
    world.end();
  });
});

describe('F16: frames', () => {
  it('may be cut anywhere: nothing is different, to the letter', () => {
    const shape: WalkShape = { pods: 3, steps: 200, kills: true, cuts: true };
    const expected = story(11, shape);
    for (const seed of [1, 2, 3]) {
      const sliced = story(11, shape, ({ network }) => {
        network.slicing = { random: seededRandom(seed), joins: false };
      });
      assert.deepEqual(sliced, expected);
    }
  });
});

describe('F17: a bit that was flipped', () => {
  it('ends just the link that it came on, with a protocol error, and costs no event', () => {
    const { world, pods } = startWorld(83, 3);
    const [a, b] = pods;
    const client = world.addClient(['x']);
    client.connect(b.log);
    for (let round = 1; round <= 40; round++) {
      const { damaged } = world.network;
      world.network.corruptNext(a.name, b.name);
      world.publish(a, 'x');
      world.pass(3_000, 50);
      assert.ok(world.network.damaged > damaged, 'it was noticed');
    }
    assert.equal(client.received.get(a.log.origin)?.size, 40);
    assert.deepEqual(client.gaps, []);
    assert.deepEqual(world.losses, []);
    world.settle();
    world.check();
    world.end();
  });
});

describe('F18: versions', () => {
  it('the one before and the one after go with this one: what is not known is skipped, and capabilities decide', () => {
    const world = new MeshWorld(84);
    const older = world.addPod('older', {}, 'older');
    const same = world.addPod('same', {}, 'same');
    const newer = world.addPod('newer', {}, 'newer');
    world.pass(4_000);
    for (const pod of [older, same, newer]) {
      assert.deepEqual([pod.node.state, pod.node.links.size], ['ready', 2]);
      for (let i = 0; i < 20; i++) world.publish(pod, 'x');
    }
    world.pass(1_000);
    for (const { log } of [older, same, newer]) assert.equal(log.history('x').length, 60);
    const link = (pod: typeof same): readonly string[] | undefined =>
      same.node.links.get(pod.log.origin)?.peer?.capabilities;
    assert.deepEqual(link(older), []);
    assert.ok(link(newer)?.includes('telepathy'));
    let present: { readonly missing: readonly string[] } | undefined;
    same.node.presence(1_000, (presence) => (present = presence));
    world.pass(500);
    assert.deepEqual(present?.missing, ['older'], 'it was not asked what it does not know');
    const fresh = world.addPod('fresh', {}, 'older');
    world.pass(4_000);
    assert.equal(fresh.log.history('x').length, 60);
    world.settle();
    world.check();
    world.end();
  });

  it('one of another major version is refused, serves nobody, and holds up nobody', () => {
    const { world, pods } = startWorld(85, 2);
    const [a] = pods;
    const odd = world.addPod('odd', {}, 'major');
    world.pass(60_000);
    assert.deepEqual([odd.node.state, odd.node.links.size, a.node.links.size], ['joining', 0, 1]);
    const one = world.publish(a, 'x');
    const all = world.publish(a, 'x', 'all');
    world.pass(1_000);
    assert.deepEqual([one?.acks, all?.acks], [1, 1]);
    let drained: string | undefined;
    world.drain(a, (result) => (drained = result));
    world.pass(1_000);
    assert.equal(drained, 'handed-over');
    world.kill(odd);
    world.settle();
    world.check();
    world.end();
  });
});
