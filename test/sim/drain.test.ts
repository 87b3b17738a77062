import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { DrainResult } from '../../src/mesh/node/drain.js';
import { startWorld } from './start.js';
import type { MeshWorld, Pod } from './world.js';

/** Drains a pod and tells how it went once that is known. */
function drained(world: MeshWorld, pod: Pod): () => DrainResult | undefined {
  let result: DrainResult | undefined;
  world.drain(pod, (outcome) => {
    result = outcome;
  });
  return () => result;
}

describe('F6: drain', () => {
  it('hands over only to who stays: not to a pod that begins to drain in the same moment', () => {
    const { world, pods } = startWorld(31, 3);
    const [a, b, c] = pods;
    world.network.cut(a.name, c.name);
    const event = world.publish(a, 'x');
    world.pass(60, 5);
    assert.equal(event?.acks, 1);
    assert.deepEqual(
      [b, c].map(({ log }) => log.haveOf(a.log.origin)),
      [1, 0],
    );
    world.network.cut(b.name, c.name);
    const second = drained(world, b);
    const first = drained(world, a);
    world.pass(3_000, 10);
    assert.deepEqual([first(), second()], [undefined, undefined], 'neither has taken the other for one that stays');
    world.network.heal();
    world.pass(5_000, 10);
    assert.deepEqual([first(), second()], ['handed-over', 'handed-over']);
    assert.equal(c.log.haveOf(a.log.origin), 1);
    world.settle();
    world.check();
    world.end();
  });

  it('hands over to a pod that drains only later, which then waits itself', () => {
    const { world, pods } = startWorld(36, 3);
    const [a, b, c] = pods;
    world.network.cut(b.name, c.name);
    world.network.cut(a.name, c.name);
    world.publish(a, 'x');
    world.pass(60, 5);
    const second = drained(world, b);
    world.pass(100, 5);
    const first = drained(world, a);
    world.pass(2_000, 10);
    assert.equal(second(), 'handed-over', 'the other had heard of it while it stayed itself');
    assert.equal(first(), undefined, 'and is the last to have the event');
    world.network.heal();
    world.pass(5_000, 10);
    assert.equal(first(), 'handed-over');
    assert.equal(c.log.haveOf(a.log.origin), 1);
    world.end();
  });

  it('is over at once when others have everything, and refuses nothing that came before', () => {
    const { world, pods } = startWorld(32, 3);
    const [a, b, c] = pods;
    for (let i = 0; i < 50; i++) world.publish(a, 'x');
    const result = drained(world, a);
    assert.equal(result(), undefined, 'nobody has acknowledged them');
    world.pass(500, 10);
    assert.equal(result(), 'handed-over');
    for (const { log } of [b, c]) assert.equal(log.haveOf(a.log.origin), 50);
    world.settle();
    world.check();
    world.end();
  });

  it('of all pods at once ends early, when each has everything: the Deployment is deleted', () => {
    const { world, pods } = startWorld(37, 4);
    for (const pod of pods) for (let i = 0; i < 20; i++) world.publish(pod, 'x');
    const results = pods.map((pod) => drained(world, pod));
    world.pass(4_000, 10);
    assert.deepEqual(
      results.map((result) => result()),
      Array(4).fill(undefined),
      'others may be about to come in their place',
    );
    world.pass(2_500, 10);
    assert.deepEqual(
      results.map((result) => result()),
      Array(4).fill('alone'),
    );
    assert.deepEqual(world.pods, []);
    assert.deepEqual(world.network.violations, []);
  });

  it('of all pods at once hands over to those that come in their place: each pod is deleted', () => {
    const { world, pods } = startWorld(38, 3);
    const client = world.addClient(['x']);
    world.reconnect();
    for (const pod of pods.slice(0, 3)) for (let i = 0; i < 20; i++) world.publish(pod, 'x');
    const results = pods.slice(0, 3).map((pod) => drained(world, pod));
    world.pass(3_000, 10);
    const fresh = [world.addPod(), world.addPod()];
    world.pass(4_000, 10);
    assert.deepEqual(
      results.map((result) => result()),
      Array(3).fill('handed-over'),
    );
    for (const { log, node } of fresh) assert.deepEqual([node.state, log.history('x').length], ['ready', 60]);
    world.settle();
    assert.deepEqual(client.gaps, []);
    assert.equal(
      [...client.received.values()].reduce((sum, { size }) => sum + size, 0),
      60,
    );
    assert.deepEqual(world.losses, []);
    world.check();
    world.end();
  });

  it('keeps the links of a pod that sources of peers tell of no more, until it has handed over', () => {
    const { world, pods } = startWorld(39, 3, { hidesLeaving: true });
    const [a, b, c] = pods;
    world.network.slow(a.name, b.name, 5);
    world.network.slow(a.name, c.name, 5);
    for (let i = 0; i < 300; i++) world.publish(a, 'x');
    const result = drained(world, a);
    for (let i = 0; i < 20 && result() === undefined; i++) {
      assert.ok(b.node.links.has(a.log.origin) && c.node.links.has(a.log.origin));
      world.pass(100, 20);
    }
    world.pass(19_000, 50);
    assert.equal(result(), 'handed-over');
    for (const { log } of [b, c]) assert.equal(log.haveOf(a.log.origin), 300);
    world.settle();
    world.check();
    world.end();
  });

  it('finds itself alone only when every peer was tried', () => {
    const { world, pods } = startWorld(34, 2);
    const [a, b] = pods;
    world.publish(a, 'x');
    world.network.kill(b.name);
    b.node.close();
    world.pass(60, 5);
    const result = drained(world, a);
    world.pass(15_000);
    assert.equal(result(), 'alone');
    assert.deepEqual(world.network.violations, []);
  });

  it('replaces all pods one by one under load, without a gap', () => {
    const { world, pods } = startWorld(35, 3);
    const clients = ['x', 'y', '*'].map((target) => world.addClient([target]));
    world.reconnect();
    for (const pod of pods.slice(0, 3)) {
      world.addPod();
      for (let i = 0; i < 30; i++) {
        world.publish(world.pick(world.pods), 'x');
        world.publish(world.pick(world.pods), 'y');
        world.pass(100, 20);
      }
      const result = drained(world, pod);
      for (let i = 0; i < 30; i++) {
        world.publish(world.pick(world.pods), 'x');
        world.pass(50, 10);
      }
      assert.equal(result(), 'handed-over');
    }
    world.settle();
    for (const client of clients) assert.deepEqual(client.gaps, []);
    assert.deepEqual(world.losses, []);
    assert.ok(
      world.published.every(({ acks }) => acks !== undefined && acks > 0),
      'all were acknowledged',
    );
    world.check();
    world.end();
  });
});
