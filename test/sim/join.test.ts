import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startWorld } from './start.js';
import { MeshWorld } from './world.js';

describe('Join', () => {
  it('during a burst: what was there is copied, what comes is followed, and then the pod is ready', () => {
    const { world, pods } = startWorld(41, 3);
    const [a, b, c] = pods;
    for (let i = 0; i < 400; i++) world.publish(world.pick([a, b, c]), 'x');
    const fresh = world.addPod();
    let readyAt: number | undefined;
    for (let i = 0; i < 300; i++) {
      for (const pod of [a, b, c]) world.publish(pod, 'y');
      world.pass(10, 10);
      if (fresh.node.state === 'ready') readyAt ??= i;
    }
    assert.ok(readyAt !== undefined && readyAt > 0, 'it is ready while the burst goes on');
    world.settle();
    assert.equal(fresh.log.history('x').length, 400);
    assert.equal(fresh.log.history('y').length, 900);
    assert.deepEqual(world.losses, []);
    world.check();
    world.end();
  });

  it('tries again, and again, with a source that is too slow for the usual time', () => {
    const { world, pods } = startWorld(42, 1);
    const [a] = pods;
    for (let i = 0; i < 900; i++) world.publish(a, 'x');
    world.pass(100);
    const fresh = world.addPod('slow');
    // About 200 KB take half a minute; a part has five seconds at first.
    world.network.slow(a.name, fresh.name, 6);
    world.pass(240_000, 250);
    assert.equal(fresh.node.state, 'ready');
    assert.equal(fresh.log.history('x').length, 900);
    world.settle();
    world.check();
    world.end();
  });

  it('turns to another pod when its source dies in the middle', () => {
    const { world, pods } = startWorld(43, 3);
    for (let i = 0; i < 900; i++) world.publish(pods[0], 'x');
    world.pass(1_000);
    world.network.silentDeaths = true;
    const fresh = world.addPod('fresh');
    for (const pod of world.pods) if (pod !== fresh) world.network.slow(pod.name, fresh.name, 40);
    while (fresh.log.history('x').length === 0 && fresh.node.state === 'joining') world.clock.advance(20);
    assert.equal(fresh.node.state, 'joining', 'it has a part');
    const [first] = pods;
    world.kill(first);
    world.settle();
    assert.equal(fresh.node.state, 'ready');
    assert.equal(fresh.log.history('x').length, 900);
    world.check();
    world.end();
  });

  it('does not wait for what only a pod had that has died since', () => {
    const { world, pods } = startWorld(44, 2);
    const [a, b] = pods;
    const fresh = world.addPod('fresh');
    // The one tells of events that it then takes with it.
    world.network.cut(a.name, b.name);
    while (fresh.node.links.size < 2) world.clock.advance(5);
    for (let i = 0; i < 50; i++) world.publish(a, 'x');
    world.kill(a);
    world.pass(20_000);
    assert.equal(fresh.node.state, 'ready');
    assert.equal(b.node.state, 'ready');
    world.settle();
    world.check();
    world.end();
  });

  it('is nobody alone before it was told of peers, nor before each was tried', () => {
    const world = new MeshWorld(45);
    world.blind = true;
    const a = world.addPod();
    const b = world.addPod();
    world.pass(30_000, 500);
    assert.deepEqual([a.node.state, b.node.state], ['joining', 'joining']);
    world.blind = false;
    world.tellPeers();
    world.settle();
    world.check();
    world.end();
  });

  it('brings up pods that start together, and has their first events acknowledged', () => {
    const world = new MeshWorld(46);
    for (let i = 0; i < 5; i++) world.addPod();
    while (world.pods.some(({ node }) => node.state !== 'ready')) world.clock.advance(10);
    const events = world.pods.map((pod) => world.publish(pod, 'x'));
    world.pass(300);
    for (const event of events) assert.ok((event?.acks ?? 0) > 0, `${event?.acks} acknowledged`);
    world.settle();
    world.check();
    world.end();
  });
});
