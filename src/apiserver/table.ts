import type { KubernetesObject } from './objects.js';
import { badRequest } from './status-error.js';

/** A column of a table; those of priority 1 are for wide output. */
export interface TableColumn {
  readonly name: string;
  readonly type: 'string' | 'integer';
  readonly format: '' | 'name';
  readonly description: string;
  readonly priority: 0 | 1;
}

/** How objects of one kind look as rows. */
export interface TableConvertor<T extends KubernetesObject> {
  readonly columns: readonly TableColumn[];
  cells(object: T): readonly (string | number)[];
}

/** How much of each object a row carries. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

/** What a table is made for. */
export interface TableOptions {
  readonly version: 'v1' | 'v1beta1';
  readonly includeObject: IncludeObject;
  /** Default true; the later tables of a watch leave the columns out. */
  readonly columns?: boolean;
  /** `metav1.ListMeta`. Default: empty. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Renders objects as a `Table` of `meta.k8s.io`, which kubectl prints as it is. */
export function tableOf<T extends KubernetesObject>(
  convertor: TableConvertor<T>,
  objects: readonly T[],
  options: TableOptions,
): Record<string, unknown> {
  const { version, includeObject, metadata = {} } = options;
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: options.columns === false ? [] : convertor.columns,
    rows: objects.map((object) => {
      const cells = convertor.cells(object);
      if (includeObject === 'None') return { cells };
      return { cells, object: includeObject === 'Object' ? object : partial(object, version) };
    }),
  };
}

function partial({ metadata }: KubernetesObject, version: string): Record<string, unknown> {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata };
}

/**
 * Reads `includeObject` of the query. Default `Metadata`.
 *
 * @throws StatusError (400) for a value of another name.
 */
export function includeObjectOf(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') || 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}
