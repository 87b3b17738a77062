import type { KubernetesObject } from './objects.js';
import { isTrue } from './request-info.js';
import { matchesFields, matchesLabels, parseFieldSelector, parseLabelSelector } from './selectors.js';
import { badRequest, invalid } from './status-error.js';

/** What a list or watch asks for (`metav1.ListOptions`). */
export interface ListOptions {
  /** Empty when not given. */
  readonly resourceVersion: string;
  readonly resourceVersionMatch: ResourceVersionMatch | undefined;
  /** How many objects an answer may have at most; 0 for all. */
  readonly limit: number;
  /** Token of the answer before; empty for the first. */
  readonly continueToken: string;
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
}

/** How a list relates to the version that is asked for. */
export type ResourceVersionMatch = 'Exact' | 'NotOlderThan';

/** Tells whether an object is selected. */
export type Selector<T extends KubernetesObject> = (object: T) => boolean;

/**
 * Reads list options, and refuses combinations as apimachinery `meta/internalversion/validation` does.
 *
 * @param verb `list` or `watch`.
 * @throws StatusError: 400 for what is no number; 422 for combinations that mean nothing, and for `sendInitialEvents`,
 * upon which clients list first.
 */
export function parseListOptions(query: URLSearchParams, verb: 'list' | 'watch'): ListOptions {
  if (query.has('sendInitialEvents')) {
    throw invalid('ListOptions', 'sendInitialEvents', 'Forbidden: sendInitialEvents is not supported by this server');
  }
  const resourceVersion = query.get('resourceVersion') ?? '';
  if (!/^\d*$/.test(resourceVersion)) throw badRequest(`invalid resource version ${JSON.stringify(resourceVersion)}`);
  const limit = integerOf(query, 'limit') ?? 0;
  if (limit < 0) throw badRequest(`limit: ${limit} is negative`);
  const continueToken = query.get('continue') ?? '';
  return {
    resourceVersion,
    resourceVersionMatch: matchOf(query, verb, resourceVersion, continueToken),
    limit,
    continueToken,
    timeoutSeconds: integerOf(query, 'timeoutSeconds'),
    allowWatchBookmarks: isTrue(query.get('allowWatchBookmarks')),
  };
}

function matchOf(
  query: URLSearchParams,
  verb: 'list' | 'watch',
  resourceVersion: string,
  continueToken: string,
): ResourceVersionMatch | undefined {
  const match = query.get('resourceVersionMatch') ?? '';
  if (match === '') return undefined;
  if (verb === 'watch')
    throw refuseMatch('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  if (resourceVersion === '') {
    throw refuseMatch('resourceVersionMatch is forbidden unless resourceVersion is provided');
  }
  if (continueToken !== '') throw refuseMatch('resourceVersionMatch is forbidden when continue is provided');
  if (match !== 'Exact' && match !== 'NotOlderThan') {
    const message = `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan"`;
    throw invalid('ListOptions', 'resourceVersionMatch', message);
  }
  if (match === 'Exact' && Number(resourceVersion) === 0) {
    throw refuseMatch('resourceVersionMatch "Exact" is forbidden for resourceVersion "0"');
  }
  return match;
}

function refuseMatch(why: string): Error {
  return invalid('ListOptions', 'resourceVersionMatch', `Forbidden: ${why}`);
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
