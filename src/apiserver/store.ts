import { InvalidArgumentError } from '../errors/index.js';
import type { KubernetesObject } from './objects.js';

/** One change of an object. `object` carries the version of the change, also when it was deleted. */
export interface StoreEvent<T extends KubernetesObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly version: number;
  readonly object: T;
  /** The object before the change, so that a selector can tell what entered and what left. */
  readonly previous: T | undefined;
}

/** Objects and how they change, as the API server reads them. */
export interface ResourceReader<T extends KubernetesObject> {
  /** All objects, by namespace and name, and the version that this is the state of. */
  list(): { readonly items: readonly T[]; readonly version: number };
  get(namespace: string, name: string): T | undefined;
  /** Changes after `version`, oldest first; `undefined` when they are no longer all known. */
  changesAfter(version: number): readonly StoreEvent<T>[] | undefined;
  /** Calls back after each change; returns how to stop. */
  subscribe(listener: () => void): () => void;
}

/** Numbers every change of all stores that share it, so that a version orders them all. */
export class VersionCounter {
  #version = 1;

  get current(): number {
    return this.#version;
  }

  next(): number {
    return ++this.#version;
  }
}

/** Objects of one resource in memory, with a bounded history of changes for watches. */
export class MemoryStore<T extends KubernetesObject> implements ResourceReader<T> {
  readonly #objects = new Map<string, T>();
  readonly #history: StoreEvent<T>[] = [];
  readonly #listeners = new Set<() => void>();
  readonly #versions: VersionCounter;
  readonly #capacity: number;
  /** Version up to which the history is no longer known. */
  #floor: number;

  /** @param capacity Changes that are remembered. Default 1,024. */
  constructor(versions: VersionCounter = new VersionCounter(), capacity = 1024) {
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new InvalidArgumentError(`capacity must be a whole number from 1, not ${capacity}`);
    }
    this.#versions = versions;
    this.#capacity = capacity;
    this.#floor = versions.current - 1;
  }

  list(): { readonly items: readonly T[]; readonly version: number } {
    const keys = [...this.#objects.keys()].toSorted();
    return { items: keys.flatMap((key) => this.#objects.get(key) ?? []), version: this.#versions.current };
  }

  get(namespace: string, name: string): T | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  /** Adds or replaces an object; returns it with its new version. */
  put(object: T): T {
    const key = keyOf(object);
    const previous = this.#objects.get(key);
    const version = this.#versions.next();
    const stored = withVersion(object, version);
    this.#objects.set(key, stored);
    this.#record({ type: previous === undefined ? 'ADDED' : 'MODIFIED', version, object: stored, previous });
    return stored;
  }

  /** Removes an object; `undefined` when there was none. */
  delete(namespace: string, name: string): T | undefined {
    const previous = this.get(namespace, name);
    if (previous === undefined) return undefined;
    this.#objects.delete(keyOf(previous));
    const version = this.#versions.next();
    const object = withVersion(previous, version);
    this.#record({ type: 'DELETED', version, object, previous });
    return object;
  }

  changesAfter(version: number): readonly StoreEvent<T>[] | undefined {
    if (version < this.#floor) return undefined;
    const first = this.#history.findIndex((event) => event.version > version);
    return first === -1 ? [] : this.#history.slice(first);
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  #record(event: StoreEvent<T>): void {
    this.#history.push(event);
    if (this.#history.length > this.#capacity) this.#floor = this.#history.shift()?.version ?? this.#floor;
    for (const listener of this.#listeners) listener();
  }
}

/** Where an object stands in lists: by namespace and name. */
export function keyOf({ metadata }: KubernetesObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function withVersion<T extends KubernetesObject>(object: T, version: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}
