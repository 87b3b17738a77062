import assert from 'node:assert/strict';
import { MeshWorld, type Pod, type WorldOptions } from './world.js';

/** Pods that are linked and serve. The first four can be taken apart by position. */
export function startWorld(
  seed: number,
  count: number,
  options: WorldOptions = {},
): { readonly world: MeshWorld; readonly pods: readonly [Pod, Pod, Pod, Pod] } {
  const world = new MeshWorld(seed, options);
  for (let i = 0; i < count; i++) world.addPod();
  world.pass(4_000);
  for (const { node } of world.pods) {
    assert.equal(node.state, 'ready');
    assert.equal(node.links.size, count - 1);
  }
  const [a, b = a, c = b, d = c] = world.pods;
  assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
  return { world, pods: [a, b, c, d] };
}
