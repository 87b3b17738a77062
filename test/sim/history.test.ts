import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWorld } from './start.js';
import { MeshWorld } from './world.js';

describe('History', () => {
  it('F18: a pod with other bounds is refused by all, stays unready, is not dialled all the time, and harms nobody', () => {
    const { world, pods } = startWorld(51, 2);
    const [a, b] = pods;
    const odd = world.addPod('odd', { events: 50 });
    world.pass(60_000);
    assert.equal(odd.node.state, 'joining');
    assert.equal(odd.node.links.size, 0);
    const event = world.publish(a, 'x');
    world.pass(1_000);
    assert.equal(event?.acks, 1);
    assert.equal(b.log.haveOf(a.log.origin), 1);
    world.kill(odd);
    world.settle();
    world.check();
    world.end();
  });

  it('F15: tells a client of what left the history before its pod could be reached, as a gap, and no other client', () => {
    const { world, pods } = startWorld(52, 3, { history: { events: 20 } });
    const [a, b, c] = pods;
    const behind = world.addClient(['x']);
    behind.connect(b.log);
    const level = world.addClient(['x']);
    level.connect(c.log);
    world.publish(a, 'x');
    world.pass(200);
    for (const other of [b, c]) world.network.cut(other.name, b.name);
    world.network.cut(a.name, b.name);
    for (let i = 0; i < 100; i++) {
      world.publish(a, 'x');
      world.pass(100);
    }
    world.settle();
    const { origin } = a.log;
    assert.equal(level.received.get(origin)?.size, 101);
    assert.deepEqual(level.gaps, []);
    const got = behind.received.get(origin) ?? new Set();
    for (let n = 1; n <= 101; n++) assert.ok(got.has(n) || behind.hasOrKnows(origin, n, 0), `${n} is there or told`);
    assert.ok(got.size < 101 && behind.gaps.length > 0, 'some have left the history');
    assert.ok(got.has(101));
    world.check();
    world.end();
  });

  it('F15: goes on after a stretch longer than what a link has under way was skipped', () => {
    const { world, pods } = startWorld(53, 2, { history: { events: 20 } });
    const [a, b] = pods;
    for (let i = 0; i < 12_000; i++) a.log.publish('x', i);
    world.pass(2_000);
    assert.equal(b.log.haveOf(a.log.origin), 12_000);
    const event = world.publish(a, 'x');
    world.pass(200);
    assert.equal(event?.acks, 1, 'acknowledgements go on');
    assert.equal(b.log.history('x').length, 20);
    world.settle();
    world.check();
    world.end();
  });

  it('copies what is known of losses on, from pod to pod, over any number of generations', () => {
    const { world, pods } = startWorld(54, 2, { history: { events: 20 } });
    for (let i = 0; i < 500; i++) pods[0].log.publish('x', i);
    world.pass(1_000);
    assert.ok(world.losses.length > 0);
    for (let generation = 0; generation < 3; generation++) {
      const [oldest] = world.pods;
      const fresh = world.addPod();
      world.pass(5_000);
      assert.equal(fresh.node.state, 'ready', `generation ${generation}`);
      if (oldest !== undefined) world.drain(oldest);
      world.pass(2_000);
    }
    world.settle();
    world.check();
    world.end();
  });

  it('outlives more runs than a log remembers: none is taken for lost again and again', () => {
    const world = new MeshWorld(55);
    const [a, b] = [world.addPod('a'), world.addPod('b')];
    const runs = (from: number): [string, number][] =>
      Array.from({ length: 4_050 }, (_, i) => [(from + i).toString(36).padStart(8, '0'), 5]);
    a.log.adopt({ streams: [], events: [], have: runs(0), last: true });
    b.log.adopt({ streams: [], events: [], have: runs(100), last: true });
    world.pass(30_000, 500);
    assert.deepEqual([a.node.state, b.node.state], ['ready', 'ready']);
    assert.deepEqual(world.losses, []);
    assert.equal(world.publish(a, 'x') === undefined, false);
    world.pass(1_000);
    assert.equal(b.log.haveOf(a.log.origin), 1);
    world.end();
  });
});
