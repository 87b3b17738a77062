import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWorld } from './start.js';

describe('Resume on another pod', () => {
  it('sends a client that is ahead of the pod nothing twice, and what comes next', () => {
    const { world, pods } = startWorld(11, 3);
    const [a, b, c] = pods;
    const client = world.addClient(['x']);
    client.connect(a.log);
    world.network.cut(a.name, b.name);
    world.network.cut(a.name, c.name);
    for (let i = 0; i < 5; i++) world.publish(a, 'x');
    world.pass(100);
    assert.equal(client.received.get(a.log.origin)?.size, 5);
    assert.equal(b.log.haveOf(a.log.origin), 0, 'the other pod lacks them');
    client.connect(b.log);
    world.publish(b, 'x');
    world.pass(100);
    assert.equal(client.received.get(b.log.origin)?.size, 1, 'it is served at once');
    world.network.heal();
    world.publish(a, 'x');
    world.settle();
    assert.deepEqual([...(client.received.get(a.log.origin) ?? [])], [1, 2, 3, 4, 5, 6]);
    assert.deepEqual(client.gaps, []);
    world.check();
    world.end();
  });

  it('sends a client that is behind the pod just what it lacks', () => {
    const { world, pods } = startWorld(12, 2);
    const [a, b] = pods;
    const client = world.addClient(['x']);
    client.connect(a.log);
    for (let i = 0; i < 3; i++) world.publish(a, 'x');
    world.pass(100);
    client.leave();
    for (let i = 0; i < 7; i++) world.publish(i % 2 === 0 ? a : b, 'x');
    world.clock.advance(1_000);
    client.connect(b.log);
    client.read();
    assert.equal(client.received.get(a.log.origin)?.size, 7);
    assert.equal(client.received.get(b.log.origin)?.size, 3);
    assert.deepEqual(client.gaps, []);
    world.settle();
    world.check();
    world.end();
  });

  it('knows a client of a pod that died before a new pod came', () => {
    const { world, pods } = startWorld(13, 3);
    const [a, b] = pods;
    const client = world.addClient(['x']);
    client.connect(a.log);
    for (let i = 0; i < 4; i++) world.publish(a, 'x');
    world.pass(500);
    const { origin } = a.log;
    world.kill(a);
    const fresh = world.addPod();
    world.publish(b, 'x');
    while (fresh.node.state !== 'ready') world.clock.advance(100);
    client.connect(fresh.log);
    world.settle();
    assert.equal(client.received.get(origin)?.size, 4);
    assert.equal(client.received.get(b.log.origin)?.size, 1);
    assert.deepEqual(client.gaps, []);
    world.check();
    world.end();
  });
});
