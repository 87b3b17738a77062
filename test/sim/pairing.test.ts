import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HandWorld, type HandEnd, type HandPod } from './hand-wire.js';
import { MeshWorld } from './world.js';

const LOW = 'AAAAAAAA';
const HIGH = 'zzzzzzzz';
/** Deliveries whose order is tried out in full. */
const DEPTH = 7;

/** Runs `build` once for each order of the first deliveries. @returns how many there were. */
function inEveryOrder(build: () => HandWorld, check: (world: HandWorld, order: string) => void): number {
  let runs = 0;
  const explore = (order: readonly number[]): void => {
    const world = build();
    for (const choice of order) {
      world.busy[choice]?.deliver();
      world.clock.advance(0);
    }
    const choices = world.busy.length;
    if (order.length < DEPTH && choices > 0) {
      for (let choice = 0; choice < choices; choice++) explore([...order, choice]);
      return;
    }
    runs += 1;
    world.settle();
    check(world, order.join(''));
  };
  explore([]);
  return runs;
}

function onlyLink({ node }: HandPod, order: string): HandEnd {
  const links = [...node.links.values()];
  assert.equal(links.length, 1, `one link, in order ${order}`);
  return links[0]?.transport as HandEnd;
}

describe('F9: simultaneous dial', () => {
  it('leaves the link that the lower run dialled, and every event once, in whatever order messages arrive', () => {
    let low: HandPod;
    let high: HandPod;
    const build = (): HandWorld => {
      const world = new HandWorld();
      low = world.addPod(LOW, 'low');
      high = world.addPod(HIGH, 'high');
      for (const { log } of [low, high]) for (let n = 0; n < 3; n++) log.publish('a', n);
      world.connect(low, high);
      world.connect(high, low);
      return world;
    };
    const runs = inEveryOrder(build, (world, order) => {
      assert.equal(onlyLink(low, order), world.ends[0], `the link dialled by the lower run, in order ${order}`);
      assert.equal(onlyLink(high, order), world.ends[1], `both agree, in order ${order}`);
      assert.equal(world.open.length, 1, `one connection, in order ${order}`);
      for (const { log } of [low, high]) {
        assert.deepEqual([log.haveOf(LOW), log.haveOf(HIGH), log.history('a').length], [3, 3, 6], order);
      }
      for (const { node, log } of [low, high]) {
        const [link] = node.links.values();
        assert.equal(link?.sender.ackedThrough, log.index === 6 ? 3 : -1, `acknowledged, in order ${order}`);
      }
      low.node.close();
      high.node.close();
    });
    assert.ok(runs > 1_000, `${runs} orders`);
  });

  it('takes the later of two links that one side has dialled', () => {
    const world = new MeshWorld(3);
    const a = world.addPod();
    const b = world.addPod();
    world.pass(4_000);
    const before = [...a.node.links.values()][0];
    // Each dials again, as if it had lost the link and the other did not know.
    const redial = (from: string, to: typeof a, own: typeof a): void => {
      world.network.dialer(from)(
        { host: to.name, port: 7000, name: to.name },
        { opened: (transport) => own.node.accept(transport), failed: () => assert.fail('the way is open') },
      );
    };
    redial(a.name, b, a);
    world.pass(1_000);
    redial(b.name, a, b);
    world.settle();
    assert.ok(before !== undefined);
    world.check();
    world.end();
  });
});

describe('F10: restart under the same name', () => {
  it('replaces a stale half-open link by the new run at once, whatever of the old one is still on its way', () => {
    const world = new MeshWorld(5);
    world.network.silentDeaths = true;
    const [a, b, c] = [world.addPod('a'), world.addPod('b'), world.addPod('c')];
    world.pass(4_000);
    world.addClient(['x']);
    world.reconnect();
    for (let i = 0; i < 10; i++) world.publish(a, 'x');
    world.pass(500);
    world.kill(a);
    const again = world.addPod('a');
    world.pass(1_500);
    for (const { node } of [b, c]) {
      assert.ok(node.links.has(again.log.origin), 'the new run is linked before the old one has timed out');
      assert.ok(!node.links.has(a.log.origin), 'the old run is not');
    }
    world.pass(3_000);
    assert.equal(again.log.haveOf(a.log.origin), 10, 'the new run has what the old one published');
    const event = world.publish(again, 'x');
    world.settle();
    assert.equal(event?.n, 1, 'low numbers of the new run are taken');
    world.check();
    world.end();
  });
});
