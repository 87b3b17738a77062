import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWorld } from './start.js';
import type { Pod } from './world.js';

/** What `acknowledged` settles with, once it does. */
function settled(pod: Pod, ack: 'local' | 'one' | 'all', timeout = 5_000): { result: number | Error | undefined } {
  const outcome: { result: number | Error | undefined } = { result: undefined };
  const { n } = pod.log.publish('x', ack);
  pod.node.acknowledged(n, ack, timeout, (result) => {
    assert.equal(outcome.result, undefined, 'settles once');
    outcome.result = result;
  });
  return outcome;
}

describe('Publish', () => {
  it('local: at once', () => {
    const { world, pods } = startWorld(61, 3);
    assert.equal(settled(pods[0], 'local').result, 0);
    world.end();
  });

  it('one: when the first other pod has it; all: when the last has', () => {
    const { world, pods } = startWorld(62, 4);
    const [a, b, c, d] = pods;
    world.network.cut(a.name, d.name);
    const one = settled(a, 'one');
    const all = settled(a, 'all');
    assert.equal(one.result, undefined);
    world.pass(100, 5);
    assert.ok(typeof one.result === 'number' && one.result >= 1);
    assert.equal(all.result, undefined);
    assert.ok(b.log.haveOf(a.log.origin) === 2 && c.log.haveOf(a.log.origin) === 2);
    world.network.heal();
    world.pass(500, 5);
    assert.equal(all.result, 3);
    world.end();
  });

  it('alone: at once', () => {
    const { world, pods } = startWorld(63, 1);
    for (const ack of ['one', 'all'] as const) assert.equal(settled(pods[0], ack).result, 0);
    world.end();
  });

  it('with draining peers only: at once, for none of them is there to stay', () => {
    const { world, pods } = startWorld(64, 2);
    const [a, b] = pods;
    world.network.cut(a.name, b.name);
    b.node.drain(20_000, () => {});
    world.pass(100, 5);
    for (const ack of ['one', 'all'] as const) assert.equal(settled(a, ack).result, 0);
    world.end();
  });

  it('with nobody who acknowledges: fails in time', () => {
    const { world, pods } = startWorld(65, 2);
    const [a, b] = pods;
    world.network.cut(b.name, a.name);
    const one = settled(a, 'one', 3_000);
    world.pass(2_900, 100);
    assert.equal(one.result, undefined);
    world.pass(200, 100);
    assert.match(String(one.result), /TimeoutError/);
    world.end();
  });

  it('does not take a pod for alone whose link is just being replaced', () => {
    const { world, pods } = startWorld(66, 2);
    const [a] = pods;
    const [link] = a.node.links.values();
    const one = settled(a, 'one');
    link?.fail(new Error('cut'));
    assert.equal(a.node.links.size, 0);
    assert.equal(one.result, undefined, 'there is a peer that was not tried again');
    world.pass(1_000, 10);
    assert.equal(one.result, 1);
    assert.equal(settled(a, 'one').result, undefined);
    world.end();
  });

  it('ends with the pod', () => {
    const { world, pods } = startWorld(67, 2);
    const waiting = settled(pods[0], 'one');
    pods[0].node.close();
    assert.ok(waiting.result instanceof Error);
    assert.ok(settled(pods[0], 'one').result instanceof Error, 'and later ones at once');
    pods[0].node.drain(1_000, () => assert.fail('it has ended'));
    world.end();
  });

  it('an idempotency key makes publishing again the same event, on this pod or another that has it', () => {
    const { world, pods } = startWorld(68, 3);
    const [a, b, c] = pods;
    const first = a.log.publish('x', 'v', { key: 'order-1' });
    assert.equal(a.log.publish('x', 'v', { key: 'order-1' }), first);
    world.pass(500);
    const again = b.log.publish('x', 'v', { key: 'order-1' });
    assert.deepEqual([again.origin, again.n], [first.origin, first.n]);
    world.kill(a);
    const fresh = world.addPod();
    world.pass(5_000);
    for (const { log } of [c, fresh]) {
      const copy = log.publish('x', 'v', { key: 'order-1' });
      assert.deepEqual([copy.origin, copy.n], [first.origin, first.n], 'a copied history knows the key too');
      assert.equal(log.history('x').length, 1);
    }
    world.settle();
    world.check();
    world.end();
  });
});

describe('F5: a slow peer', () => {
  it('delays nobody: the others have every event while it is far behind, and what waits for it is bounded', () => {
    const { world, pods } = startWorld(69, 3, { history: { events: 5_000 } });
    const [a, b, c] = pods;
    world.network.slow(a.name, c.name, 1);
    world.network.slow(b.name, c.name, 1);
    const text = 'x'.repeat(500);
    let behind = 0;
    for (let round = 0; round < 100; round++) {
      for (let i = 0; i < 20; i++) a.log.publish('x', text);
      world.pass(50, 10);
      const sent = a.log.haveOf(a.log.origin);
      assert.ok(sent - b.log.haveOf(a.log.origin) <= 20, `round ${round}: the fast one is up to date`);
      behind = Math.max(behind, sent - c.log.haveOf(a.log.origin));
    }
    assert.ok(behind > 1_000, `the slow one is ${behind} behind`);
    const waits = (pod: Pod): number | undefined => a.node.links.get(pod.log.origin)?.sender.waits;
    assert.ok((waits(c) ?? 0) > 0, 'and counted as slow');
    assert.equal(waits(b), 0, 'and no other');
    const one = settled(a, 'one');
    world.pass(100, 10);
    assert.equal(one.result, 1);
    assert.deepEqual(world.network.violations, []);
    world.settle();
    assert.equal(c.log.history('x').length, b.log.history('x').length);
    world.check();
    world.end();
  });
});
