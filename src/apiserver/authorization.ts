import type { RequestInfo } from './request-info.js';
import { statusError } from './status-error.js';

/** Who sent a request. */
export interface UserInfo {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The user of a server without authentication. */
export const ANONYMOUS: UserInfo = Object.freeze({
  name: 'system:anonymous',
  groups: Object.freeze(['system:unauthenticated']),
});

/** What an authorizer decides on (apiserver `authorizer.Attributes`). */
export interface Attributes {
  readonly user: UserInfo;
  readonly verb: string;
  readonly namespace: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** Whether a resource is meant; otherwise `path` and `verb` count. */
  readonly isResourceRequest: boolean;
  readonly path: string;
}

/** `true`, or the reason why not. */
export type Decision = boolean | { readonly allowed: boolean; readonly reason?: string };

/** Decides whether a request may be served. */
export type Authorizer = (attributes: Attributes) => Decision | Promise<Decision>;

const CONNECTING: ReadonlySet<string> = new Set(['exec', 'attach', 'portforward']);

/** The attributes of a request. Running something in a pod is `create`, whatever the HTTP method: a WebSocket is a GET. */
export function attributesOf(info: RequestInfo, user: UserInfo): Attributes {
  const { namespace, apiGroup, apiVersion, resource, subresource, name, isResourceRequest, path } = info;
  const connects = resource === 'pods' && CONNECTING.has(subresource);
  const verb = connects ? 'create' : info.verb;
  return { user, verb, namespace, apiGroup, apiVersion, resource, subresource, name, isResourceRequest, path };
}

/**
 * Asks the authorizer.
 *
 * @throws StatusError (403), in the words of apiserver `responsewriters.Forbidden`.
 */
export async function authorize(authorizer: Authorizer, attributes: Attributes): Promise<void> {
  const decision = await authorizer(attributes);
  const { allowed, reason } = typeof decision === 'boolean' ? { allowed: decision, reason: '' } : decision;
  if (allowed !== true) throw forbidden(attributes, reason ?? '');
}

function forbidden(attributes: Attributes, reason: string): Error {
  const { user, verb, resource, subresource, apiGroup, namespace, name, path } = attributes;
  const because = reason === '' ? '' : `: ${reason}`;
  if (!attributes.isResourceRequest) {
    return statusError(403, `forbidden: User "${user.name}" cannot ${verb} path "${path}"${because}`);
  }
  const what = subresource === '' ? resource : `${resource}/${subresource}`;
  const where = namespace === '' ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  const object = name === '' ? `${resource} is` : `${resource} "${name}" is`;
  const message = `${object} forbidden: User "${user.name}" cannot ${verb} resource "${what}" in API group "${apiGroup}" ${where}${because}`;
  return statusError(403, message, undefined, { kind: resource, ...(name === '' ? {} : { name }) });
}
