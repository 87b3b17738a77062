import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWorld } from './start.js';

describe('F1: a pod dies', () => {
  it('keeps the last event of an origin that died when one of three peers had got it', () => {
    const { world, pods } = startWorld(21, 4);
    const [a, b, c, d] = pods;
    const client = world.addClient(['x']);
    client.connect(d.log);
    world.network.cut(a.name, c.name);
    world.network.cut(a.name, d.name);
    const event = world.publish(a, 'x');
    world.pass(60, 5);
    assert.deepEqual(
      [b, c, d].map(({ log }) => log.haveOf(a.log.origin)),
      [1, 0, 0],
      'one has got it',
    );
    assert.equal(event?.acks, 1);
    world.kill(a);
    world.pass(3_000);
    for (const { log } of [b, c, d]) assert.equal(log.haveOf(a.log.origin), 1);
    assert.equal(client.received.get(a.log.origin)?.size, 1);
    assert.deepEqual(world.losses, []);
    world.settle();
    world.check();
    world.end();
  });

  it('has those at hand once more when two origins die with different peers ahead', () => {
    const { world, pods } = startWorld(22, 4);
    const [a, b, c, d] = pods;
    world.network.cut(a.name, c.name);
    world.network.cut(a.name, d.name);
    for (let i = 0; i < 600; i++) world.publish(a, 'x');
    world.pass(200, 10);
    world.network.cut(b.name, a.name);
    world.kill(a);
    world.pass(5_000);
    for (const { log } of [c, d]) assert.equal(log.history('x').length, 600);
    assert.deepEqual(world.losses, []);
    world.settle();
    world.check();
    world.end();
  });
});

describe('F1, F10: a restart storm', () => {
  it('of a whole Deployment, again and again: nobody dials too often, and all are linked again', () => {
    const { world } = startWorld(27, 6);
    for (let round = 0; round < 6; round++) {
      world.network.silentDeaths = round % 2 === 1;
      for (const pod of world.pods.slice()) {
        const { name } = pod;
        world.kill(pod);
        world.clock.setTimeout(() => void world.addPod(name), Math.floor(world.random() * 1_500));
      }
      world.pass(2_500, 50);
      for (const pod of world.pods) for (let i = 0; i < 5; i++) world.publish(pod, 'x');
    }
    world.settle();
    assert.equal(world.pods.length, 6);
    world.check();
    world.end();
  });
});

describe('F4: partition', () => {
  it('bridges a partial one by a third pod while it lasts', () => {
    const { world, pods } = startWorld(23, 3);
    const [a, b, c] = pods;
    world.network.cut(a.name, c.name);
    world.network.cut(c.name, a.name);
    for (let round = 0; round < 40; round++) {
      world.publish(a, 'x');
      world.publish(c, 'x');
      world.pass(500);
    }
    world.pass(3_000);
    assert.equal(c.log.haveOf(a.log.origin), 40, 'they came by way of the third');
    assert.equal(a.log.haveOf(c.log.origin), 40);
    assert.ok(!a.node.links.has(c.log.origin), 'the two have no link');
    assert.ok(b.node.links.has(c.log.origin));
    assert.deepEqual(world.losses, []);
    world.settle();
    world.check();
    world.end();
  });

  it('lets each side serve its own, and brings all together again with nothing lost and nothing twice', () => {
    const { world, pods } = startWorld(24, 4);
    const [a, b, c, d] = pods;
    const clients = [a, c].map(({ log }) => {
      const client = world.addClient(['*']);
      client.connect(log);
      return client;
    });
    for (const left of [a, b]) {
      for (const right of [c, d]) {
        world.network.cut(left.name, right.name);
        world.network.cut(right.name, left.name);
      }
    }
    for (let i = 0; i < 60; i++) {
      for (const pod of pods) world.publish(pod, 'x');
      world.pass(1_000, 250);
    }
    assert.equal(b.log.haveOf(a.log.origin), 60);
    assert.ok(d.log.haveOf(a.log.origin) < 5);
    world.settle();
    for (const client of clients) {
      for (const { log } of pods) assert.equal(client.received.get(log.origin)?.size, 60);
      assert.deepEqual(client.gaps, []);
    }
    world.check();
    world.end();
  });
});

describe('F2, F3: ways that swallow everything', () => {
  for (const oneWay of [false, true]) {
    it(`drops the link within the keepalive when ${oneWay ? 'one direction is' : 'both are'} lost`, () => {
      const { world, pods } = startWorld(25, 2);
      const [a, b] = pods;
      world.network.cut(a.name, b.name);
      if (!oneWay) world.network.cut(b.name, a.name);
      const event = world.publish(a, 'x');
      world.pass(16_000);
      assert.equal(a.node.links.size, 0);
      assert.equal(b.node.links.size, 0);
      assert.notEqual(event?.acks, 1);
      world.settle();
      assert.equal(b.log.haveOf(a.log.origin), 1);
      world.check();
      world.end();
    });
  }
});

describe('Repair', () => {
  it('asks an origin itself for what it has not told of, before it gives anything up', () => {
    // The pods that were asked had lost what the origin, linked all the while, still held.
    const { world, pods } = startWorld(26, 3, { history: { events: 20 } });
    const [a, b, c] = pods;
    for (let round = 0; round < 30; round++) {
      world.network.cut(a.name, c.name);
      for (let i = 0; i < 60; i++) world.publish(i % 3 === 0 ? b : a, i % 2 === 0 ? 'x' : 'y');
      world.pass(400, 20);
      world.network.heal();
      world.pass(600, 20);
    }
    world.settle();
    world.check();
    world.end();
  });
});
