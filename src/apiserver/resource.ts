import type { KubernetesObject } from './objects.js';
import type { ResourceReader } from './store.js';
import type { TableConvertor } from './table.js';

/** A resource that can be read: its names, where its objects are, and how they are selected and shown. */
export interface Resource<T extends KubernetesObject> {
  /** Plural, as in paths. */
  readonly name: string;
  readonly kind: string;
  readonly apiVersion: string;
  readonly namespaced: boolean;
  readonly objects: ResourceReader<T>;
  readonly table: TableConvertor<T>;
  /** Fields that a field selector may name. */
  readonly fieldNames: readonly string[];
  fieldsOf(object: T): Readonly<Record<string, string>>;
}
