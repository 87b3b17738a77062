import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { randomSlices } from '../../src/testing/slicers.js';
import { FaultyMesh, until } from './support/mesh/faulty-mesh.js';

const TIMEOUT = { timeout: 90_000 } as const;

describe('A mesh over a bad network', () => {
  it('F4: goes round a cut between two pods by the third, and links them again', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(3);
    for (const proxy of mesh.between(0, 1)) proxy.cut();
    await until(() => !mesh.linked(0, 1) && !mesh.linked(1, 0));
    await mesh.got([...mesh.publish(0, 50), ...mesh.publish(1, 50)]);
    assert.equal(mesh.linked(0, 1), false, 'all of it went by the third');
    mesh.heal();
    await mesh.whole();
    await mesh.got(mesh.publish(0, 10));
    mesh.check();
  });

  it('F2: notices half-open links, goes round them, and links again', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(3);
    for (const proxy of mesh.between(0, 1)) proxy.lose();
    const texts = [...mesh.publish(0, 50), ...mesh.publish(1, 50)];
    await mesh.got(texts);
    await until(() => !mesh.linked(0, 1) && !mesh.linked(1, 0));
    mesh.heal();
    await mesh.whole();
    await mesh.got([...mesh.publish(0, 10), ...mesh.publish(1, 10)]);
    mesh.check();
  });

  it('F3: takes writing for no proof of health where one way is lost', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(3);
    mesh.loseOneWay(0, 1);
    await until(() => !mesh.linked(0, 1) && !mesh.linked(1, 0));
    await mesh.got([...mesh.publish(0, 50), ...mesh.publish(1, 50)]);
    mesh.heal();
    await mesh.whole();
    mesh.check();
  });

  it('F5: is not delayed by a pod at 1 KiB/s, which is counted, and catches up', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(3);
    for (const proxy of mesh.around(2)) proxy.limit(1_024);
    const texts: string[] = [];
    for (let round = 0; round < 8; round++) {
      const some = mesh.publish(0, 100, 1_500);
      texts.push(...some);
      await mesh.got(some, [0, 1]);
    }
    assert.ok((mesh.received[2]?.size ?? 0) < 800, 'the slow one is behind');
    await until(() => (mesh.pods[0]?.stats().slow ?? 0) > 0);
    const acks = await mesh.pods[0]?.publish('other', 'one other has it at once');
    assert.equal((acks?.acks ?? 0) >= 2, true);
    mesh.heal();
    await mesh.got(texts);
    await mesh.whole();
    mesh.check();
  });

  it('F16: brings the same through late and sliced connections', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(3);
    for (const [pod] of mesh.pods.entries()) {
      for (const proxy of mesh.around(pod)) {
        proxy.delay(20, 30);
        proxy.slice(randomSlices(pod + 1, 300));
      }
    }
    const texts: string[] = [];
    for (let round = 0; round < 10; round++) {
      for (const pod of [0, 1, 2]) texts.push(...mesh.publish(pod, 20, 200));
      await mesh.got(texts, [round % 3]);
    }
    await mesh.got(texts);
    await until(() => mesh.pods.every(({ links }) => links.every(({ roundTrip = 0 }) => roundTrip >= 40)));
    mesh.check();
  });

  it('F1: sends again what was under way when connections are reset, and nothing twice', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(3);
    const texts: string[] = [];
    for (let round = 0; round < 12; round++) {
      for (const pod of [0, 1, 2]) texts.push(...mesh.publish(pod, 30, 2_000));
      const [one, other] = mesh.between(round % 3, (round + 1) % 3);
      one.reset();
      other.reset();
      await mesh.got(texts.slice(-30), [round % 3]);
    }
    await mesh.got(texts);
    await mesh.whole();
    mesh.check();
  });

  it('F17: closes links on which bits are flipped, and goes on', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(3);
    const texts: string[] = [];
    for (let round = 0; round < 12; round++) {
      for (const proxy of mesh.between(0, 1)) proxy.flip(round % 2 === 0 ? 'up' : 'down');
      texts.push(...mesh.publish(0, 5), ...mesh.publish(1, 5));
      await mesh.got(texts);
      await mesh.whole();
    }
    // A few hit what makes no difference, as the name of a stream that nobody has opened.
    assert.ok((mesh.pods[0]?.stats().unlinked ?? 0) >= 3);
    mesh.check();
  });

  it('F9, F14: has one link for each pair however often all are cut at once', TIMEOUT, async () => {
    await using mesh = await FaultyMesh.start(4);
    for (let round = 0; round < 6; round++) {
      for (const [pod] of mesh.pods.entries()) for (const proxy of mesh.around(pod)) proxy.reset();
      await mesh.got(mesh.publish(round % 4, 10));
      await mesh.whole();
    }
    const connections = (): number => {
      const pairs = mesh.pods.flatMap((_, one) => mesh.pods.map((_other, other) => [one, other] as const));
      return pairs
        .filter(([one, other]) => one < other)
        .reduce((sum, [one, other]) => {
          return sum + mesh.between(one, other).reduce((all, proxy) => all + proxy.connections, 0);
        }, 0);
    };
    await until(() => connections() === 6);
    await mesh.whole();
    mesh.check();
  });
});
