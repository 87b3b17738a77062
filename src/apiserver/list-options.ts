import type { KubernetesObject } from './objects.js';
import { isTrue } from './request-info.js';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from './selectors.js';
import { badRequest, invalid } from './status-error.js';

/** What a list or watch asks for (`metav1.ListOptions`). */
export interface ListOptions {
  /** Empty when not given. */
  readonly resourceVersion: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
}

/** Tells whether an object is selected. */
export type Selector<T extends KubernetesObject> = (object: T) => boolean;

/**
 * Reads list options. `limit` may be ignored by a server, and is.
 *
 * @throws StatusError: 400 for what is no number; 422 for `sendInitialEvents`, upon which clients list first.
 */
export function parseListOptions(query: URLSearchParams): ListOptions {
  if (query.has('sendInitialEvents')) {
    throw invalid('ListOptions', 'sendInitialEvents', 'Forbidden: sendInitialEvents is not supported by this server');
  }
  const resourceVersion = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(resourceVersion)) throw badRequest(`invalid resource version ${JSON.stringify(resourceVersion)}`);
  integerOf(query, 'limit');
  return {
    resourceVersion,
    timeoutSeconds: integerOf(query, 'timeoutSeconds'),
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
  };
}

/**
 * A whole number of the query; `undefined` when it is not given.
 *
 * @throws StatusError (400) when it is no whole number.
 */
export function integerOf(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === '') return undefined;
  const value = Number(text);
  if (/^[+-]?\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw badRequest(`${name}: ${JSON.stringify(text)} is not a whole number`);
}

/**
 * Combines the namespace with the selectors of the query.
 *
 * @param fieldsOf Fields that can be selected by; others are refused.
 * @throws StatusError (400) for a selector that cannot be read or names another field.
 */
export function selectorOf<T extends KubernetesObject>(
  namespace: string,
  query: URLSearchParams,
  fieldsOf: (object: T) => Readonly<Record<string, string>>,
  fieldNames: readonly string[],
): Selector<T> {
  const fields = parseFieldSelector(query.get('fieldSelector') ?? '');
  const labels = parseLabelSelector(query.get('labelSelector') ?? '');
  for (const { field } of fields) {
    if (!fieldNames.includes(field)) throw badRequest(`field label not supported: ${field}`);
  }
  return (object) =>
    (namespace === '' || object.metadata.namespace === namespace) &&
    matchesLabels(labels, object.metadata.labels ?? {}) &&
    matchesFields(fields, fieldsOf(object));
}
