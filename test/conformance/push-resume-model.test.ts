import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PushWorld } from './push-world.js';

const SEEDS = Array.from({ length: 60 }, (_, seed) => seed + 1);

describe('following from pod to pod: nothing twice, nothing out of order, nothing lost in silence', () => {
  for (const [name, shape] of Object.entries({
    'one pod': { pods: 1, steps: 250 },
    'three pods': { pods: 3, steps: 400 },
    'five pods that restart': { pods: 5, steps: 500, restarts: true },
    'long quiet times': { pods: 2, steps: 300, quiet: true, restarts: true },
    'events of all sizes, a budget that all streams share': {
      pods: 2,
      steps: 400,
      data: 500,
      history: { events: 100, bytes: 4_000 },
      limits: { budgetBytes: 12_000 },
    },
    'the same, of pods that restart': {
      pods: 2,
      steps: 400,
      data: 500,
      restarts: true,
      history: { events: 100, bytes: 4_000 },
      limits: { budgetBytes: 12_000 },
    },
    'clients that are dropped': { pods: 3, steps: 400, drops: true, restarts: true },
    'more streams than are known at once': {
      pods: 3,
      steps: 500,
      streams: 3,
      limits: { maxStreams: 5 },
    },
    'pods with room for less': {
      pods: 4,
      steps: 500,
      streams: 2,
      data: 100,
      restarts: true,
      smaller: { maxStreams: 4, maxEventBytes: 90, budgetBytes: 5_000 },
    },
    'live events among the others': { pods: 3, steps: 500, live: true, restarts: true, drops: true, quiet: true },
    'live events in a budget that all streams share': {
      pods: 2,
      steps: 500,
      live: true,
      restarts: true,
      data: 500,
      history: { events: 100, bytes: 4_000 },
      limits: { budgetBytes: 12_000 },
    },
    'events that grow old on their way': { pods: 3, steps: 400, hasty: true, restarts: true },
  })) {
    it(name, () => {
      let gaps = 0;
      let received = 0;
      let resumed = 0;
      let dropped = 0;
      let live = 0;
      let liveMissed = 0;
      for (const seed of SEEDS) {
        const world = new PushWorld(seed, shape);
        try {
          world.run();
        } catch (error) {
          throw new Error(`seed ${seed}`, { cause: error });
        }
        gaps += world.gaps;
        received += world.received;
        resumed += world.resumed;
        dropped += world.dropped;
        live += world.live;
        liveMissed += world.liveMissed;
      }
      // The walk has to get somewhere.
      assert.ok(received > SEEDS.length * 50, `${received} events were received`);
      assert.ok(resumed > SEEDS.length * 10, `${resumed} times a client came back`);
      // Where streams are forgotten there is a gap for most who come back.
      const most = 'streams' in shape ? received : 'data' in shape || 'live' in shape ? received / 2 : received / 3;
      assert.ok(gaps > 0 && gaps < most, `${gaps} gaps, ${received} events`);
      assert.equal(dropped > 0, 'drops' in shape, `${dropped} times a client was dropped`);
      assert.equal(live > SEEDS.length * 10, 'live' in shape, `${live} live events were received`);
      assert.ok(liveMissed <= live, `${liveMissed} live events were missed, ${live} received`);
    });
  }
});
