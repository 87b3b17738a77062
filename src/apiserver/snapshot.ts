import type { KubernetesObject } from './objects.js';
import { keyOf, type ResourceReader } from './store.js';

/** Objects as they were at a version, in the order of their keys. */
export interface Snapshot<T extends KubernetesObject> {
  readonly items: readonly T[];
  readonly version: number;
}

/**
 * The objects as they were at `version`: the current ones with the changes since taken back. `undefined` when these are
 * no longer all known.
 *
 * @param version At most the current one.
 */
export function snapshotAt<T extends KubernetesObject>(
  objects: ResourceReader<T>,
  version: number,
): Snapshot<T> | undefined {
  const current = objects.list();
  const changes = objects.changesAfter(version);
  if (changes === undefined) return undefined;
  if (changes.length === 0) return { items: current.items, version };
  const byKey = new Map(current.items.map((object) => [keyOf(object), object]));
  for (const { object, previous } of changes.toReversed()) {
    if (previous === undefined) byKey.delete(keyOf(object));
    else byKey.set(keyOf(object), previous);
  }
  const keys = [...byKey.keys()].toSorted();
  return { items: keys.flatMap((key) => byKey.get(key) ?? []), version };
}
