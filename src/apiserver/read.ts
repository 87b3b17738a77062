import type { ServerResponse } from 'node:http';
import type { RequestContext } from './context.js';
import { parseListOptions, selectorOf } from './list-options.js';
import { negotiate } from './negotiate.js';
import type { KubernetesObject } from './objects.js';
import { pageOf } from './page.js';
import type { Resource } from './resource.js';
import { sendJSON } from './respond.js';
import { notFound } from './status-error.js';
import { includeObjectOf, tableOf } from './table.js';

/** Serves `get` of one object. */
export function serveGet<T extends KubernetesObject>(
  resource: Resource<T>,
  { req, info, query }: RequestContext,
  response: ServerResponse,
): void {
  const form = negotiate(req);
  const object = objectOf(resource, info.namespace, info.name);
  const { resourceVersion } = object.metadata;
  sendJSON(
    response,
    form.as === 'object'
      ? object
      : tableOf(resource.table, [object], {
          version: form.version,
          includeObject: includeObjectOf(query),
          metadata: resourceVersion === undefined ? {} : { resourceVersion },
        }),
  );
}

/**
 * Looks an object up.
 *
 * @throws StatusError (404) when there is none.
 */
export function objectOf<T extends KubernetesObject>(resource: Resource<T>, namespace: string, name: string): T {
  const object = resource.objects.get(resource.namespaced ? namespace : '', name);
  if (object === undefined) throw notFound(resource.name, name);
  return object;
}

/** Serves `list`, of one namespace or all, whole or in chunks. */
export function serveList<T extends KubernetesObject>(
  resource: Resource<T>,
  { req, info, query }: RequestContext,
  response: ServerResponse,
): void {
  const form = negotiate(req);
  const options = parseListOptions(query, 'list');
  const namespace = resource.namespaced ? info.namespace : '';
  const selected = selectorOf<T>(namespace, query, (object) => resource.fieldsOf(object), resource.fieldNames);
  const selective = (query.get('labelSelector') || query.get('fieldSelector') || '') !== '';
  const { items, metadata } = pageOf(resource.objects, options, selected, selective);
  sendJSON(
    response,
    form.as === 'object'
      ? { kind: `${resource.kind}List`, apiVersion: resource.apiVersion, metadata, items }
      : tableOf(resource.table, items, {
          version: form.version,
          includeObject: includeObjectOf(query),
          metadata,
        }),
  );
}
