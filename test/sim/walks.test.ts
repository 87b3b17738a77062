import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WALKS } from './shapes.js';
import { walk, type WalkShape } from './walk.js';

// SIM_SEEDS: walks in all. SIM_SEED: just this one, of every kind, to look at what has failed.
const SEEDS = Number(process.env['SIM_SEEDS'] ?? (process.env['CI'] === 'true' ? 200 : 50));
const ONLY = process.env['SIM_SEED'];

function go(seed: number, name: string, shape: WalkShape): number {
  try {
    const world = walk(seed, shape);
    world.check();
    world.end();
    return world.published.length;
  } catch (error) {
    throw new Error(`seed ${seed} of '${name}' failed; replay it with SIM_SEED=${seed}`, { cause: error });
  }
}

describe('Walks', () => {
  const total = WALKS.reduce((sum, { weight }) => sum + weight, 0);
  for (const { name, shape, weight, fixtures = [] } of WALKS) {
    const count = Math.max(1, Math.round((SEEDS * weight) / total));
    const seeds =
      ONLY === undefined ? [...fixtures, ...Array.from({ length: count }, (_, i) => i + 1)] : [Number(ONLY)];
    it(`${name}: ${seeds.length} seeds`, () => {
      for (const seed of seeds) assert.ok(go(seed, name, shape) > 0);
    });
  }

  it('repeats itself to the letter', () => {
    const shape: WalkShape = { pods: 3, steps: 200, kills: true, cuts: true, drains: true };
    const story = (): unknown => {
      const { published, clients, drains, clock } = walk(7, shape);
      return [published, clients.map(({ received, gaps }) => [received, gaps]), drains, clock.now()];
    };
    assert.deepEqual(story(), story());
  });
});
