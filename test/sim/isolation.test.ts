import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SimClient } from './client.js';
import { startWorld } from './start.js';
import type { MeshWorld, Pod } from './world.js';

const AGE = 10_000;

function cutOff(world: MeshWorld, pod: Pod): void {
  for (const other of world.pods) {
    if (other === pod) continue;
    world.network.cut(pod.name, other.name);
    world.network.cut(other.name, pod.name);
  }
}

function cutPair(world: MeshWorld, one: Pod, other: Pod): void {
  world.network.cut(one.name, other.name);
  world.network.cut(other.name, one.name);
}

interface Isolated {
  readonly world: MeshWorld;
  readonly pods: ReturnType<typeof startWorld>['pods'];
  /** Follows on the pod that is cut off. */
  readonly client: SimClient;
}

/** Events of `a` come and go while `b` is cut off, until cursors of `b` name `a` no more. */
function isolate(seed: number, count: number): Isolated {
  const { world, pods } = startWorld(seed, count, { history: { age: AGE } });
  const [a, b] = pods;
  const client = world.addClient(['x']);
  client.connect(b.log);
  world.publish(a, 'x');
  world.publish(b, 'x');
  world.pass(500);
  cutOff(world, b);
  world.pass(500);
  for (let i = 0; i < 4; i++) world.publish(a, 'x');
  world.pass(2.5 * AGE, 200);
  for (let i = 0; i < 2; i++) {
    world.publish(b, 'x');
    world.pass(20, 5);
  }
  assert.ok(client.cursor?.includes(a.log.origin) === false, 'the pod has forgotten the other');
  assert.equal(client.received.get(a.log.origin)?.size, 1);
  client.leave();
  return { world, pods, client };
}

describe('F4: a partition that outlasts the history', () => {
  for (const heard of [false, true]) {
    it(`is told to a client of the pod that was cut off, which comes ${heard ? 'when its newest event has' : 'before anything else'}`, () => {
      const { world, pods, client } = isolate(71, 3);
      const [a, b, c] = pods;
      world.network.heal();
      if (heard) while (c.log.haveOf(b.log.origin) < 3) world.clock.advance(1);
      client.connect(c.log);
      client.read();
      assert.ok(client.hasOrKnows(a.log.origin, 3, 0), 'what was gone is told');
      world.settle();
      world.check();
      world.end();
    });
  }

  it('is told by pods that have heard of it by others, and by those that copied their history', () => {
    const { world, pods, client } = isolate(72, 4);
    const [a, b, c, d] = pods;
    // The one stays without a link to the pod that was cut off, and has its events by the other.
    world.network.heal();
    cutPair(world, b, d);
    while (d.log.haveOf(b.log.origin) < 3) world.clock.advance(1);
    const { cursor } = client;
    client.connect(d.log);
    client.read();
    assert.ok(client.hasOrKnows(a.log.origin, 3, 0), 'by hearsay');
    client.leave();
    client.gaps.length = 0;
    client.cursor = cursor;
    const fresh = world.addPod('fresh');
    while (fresh.node.state !== 'ready') world.clock.advance(10);
    client.connect(fresh.log);
    client.read();
    assert.ok(client.hasOrKnows(a.log.origin, 3, 0), 'by a copy');
    assert.ok(c.node.links.size > 0);
    world.settle();
    world.check();
    world.end();
  });

  it('troubles no client of the others, and nobody once it is over', () => {
    const { world, pods } = isolate(73, 3);
    const [a, b, c] = pods;
    const other = world.addClient(['x']);
    other.connect(c.log);
    world.publish(c, 'x');
    world.pass(100, 5);
    world.network.heal();
    world.pass(20_000);
    for (let i = 0; i < 5; i++) {
      world.publish(world.pick([b, c]), 'x');
      world.pass(500);
      other.connect(world.pick([a, b, c]).log);
      world.pass(100);
    }
    assert.deepEqual(other.gaps, []);
    world.settle();
    world.check();
    world.end();
  });
});
