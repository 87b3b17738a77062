import { parseFieldSelector, parseLabelSelector, type FieldRequirement } from './selectors.js';
import { badRequest } from './status-error.js';

/** What a request's method and URL mean to the API (apiserver `endpoints/request.RequestInfo`). */
export interface RequestInfo {
  /** Whether an API resource is meant; otherwise only `path` and `verb` (the method in lower case) are set. */
  readonly isResourceRequest: boolean;
  /** The decoded path, as it came. */
  readonly path: string;
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`, `proxy`; empty for other methods. */
  readonly verb: string;
  /** `api` or `apis`. */
  readonly apiPrefix: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  /** Empty for all namespaces, and for what has none. */
  readonly namespace: string;
  /** Plural, as in the path: `pods`. */
  readonly resource: string;
  /** `log`, `exec`, `status` and so on. */
  readonly subresource: string;
  /** Object that is meant; on list and watch the one that the field selector asks for. */
  readonly name: string;
  /** The path from the resource on. */
  readonly parts: readonly string[];
  /** As it came; only on list, watch and deletecollection, and not in the old form `/watch/…`. */
  readonly fieldSelector: string;
  /** As {@link fieldSelector}. */
  readonly labelSelector: string;
}

/** What {@link RequestInfoResolver} reads of a request. */
export interface RequestLine {
  readonly method?: string | undefined;
  /** Path and query. */
  readonly url?: string | undefined;
}

/** How {@link RequestInfoResolver} reads paths. */
export interface RequestInfoResolverOptions {
  /** First parts of paths that lead to resources. Default `api`, `apis`. */
  readonly apiPrefixes?: readonly string[];
  /** Those of them without a group. Default `api`. */
  readonly grouplessApiPrefixes?: readonly string[];
}

type Draft = { -readonly [Key in keyof RequestInfo]: RequestInfo[Key] };

const VERBS: Readonly<Record<string, string>> = {
  POST: 'create',
  GET: 'get',
  HEAD: 'get',
  PUT: 'update',
  PATCH: 'patch',
  DELETE: 'delete',
};
const SPECIAL_VERBS: ReadonlySet<string> = new Set(['proxy', 'watch']);
const NAMESPACE_SUBRESOURCES: ReadonlySet<string> = new Set(['status', 'finalize']);
const VERBS_WITH_SELECTORS: ReadonlySet<string> = new Set(['list', 'watch', 'deletecollection']);

/** The request named a special verb without a resource. `info` is what was understood until there. */
export class RequestInfoError extends Error {
  readonly info: RequestInfo;

  constructor(message: string, info: RequestInfo) {
    super(message);
    this.name = 'RequestInfoError';
    this.info = info;
  }
}

/** Finds out what a request means, by the rules of apiserver `RequestInfoFactory.NewRequestInfo`. */
export class RequestInfoResolver {
  readonly #apiPrefixes: ReadonlySet<string>;
  readonly #groupless: ReadonlySet<string>;

  constructor(options: RequestInfoResolverOptions = {}) {
    this.#apiPrefixes = new Set(options.apiPrefixes ?? ['api', 'apis']);
    this.#groupless = new Set(options.grouplessApiPrefixes ?? ['api']);
  }

  /**
   * @throws RequestInfoError when a special verb stands without a resource; StatusError (400) for a path that is not
   * valid percent-encoded UTF-8.
   */
  resolve(request: RequestLine): RequestInfo {
    const { path, query } = splitTarget(request.url ?? '/');
    const info = emptyInfo(path, (request.method ?? 'GET').toLowerCase());
    let parts = splitPath(path);
    const prefix = parts[0] ?? '';
    if (parts.length < 3 || !this.#apiPrefixes.has(prefix)) return info;
    info.apiPrefix = prefix;
    parts = parts.slice(1);
    if (!this.#groupless.has(prefix)) {
      if (parts.length < 3) return info;
      info.apiGroup = parts[0] ?? '';
      parts = parts.slice(1);
    }
    info.isResourceRequest = true;
    info.apiVersion = parts[0] ?? '';
    parts = parts.slice(1);
    const special = SPECIAL_VERBS.has(parts[0] ?? '');
    if (special) {
      if (parts.length < 2) {
        throw new RequestInfoError(`unable to determine kind and namespace from url, ${path}`, info);
      }
      info.verb = parts[0] ?? '';
      parts = parts.slice(1);
    } else {
      info.verb = VERBS[request.method ?? 'GET'] ?? '';
    }
    fillResource(info, parts);
    if (info.name === '' && info.verb === 'get') fillList(info, query);
    else if (info.name === '' && info.verb === 'delete') info.verb = 'deletecollection';
    if (!special && VERBS_WITH_SELECTORS.has(info.verb)) {
      info.fieldSelector = query.get('fieldSelector') ?? '';
      info.labelSelector = query.get('labelSelector') ?? '';
    }
    return info;
  }
}

function emptyInfo(path: string, verb: string): Draft {
  return {
    isResourceRequest: false,
    path,
    verb,
    apiPrefix: '',
    apiGroup: '',
    apiVersion: '',
    namespace: '',
    resource: '',
    subresource: '',
    name: '',
    parts: [],
    fieldSelector: '',
    labelSelector: '',
  };
}

function fillResource(info: Draft, after: readonly string[]): void {
  let parts = after;
  if (parts[0] === 'namespaces' && parts.length > 1) {
    info.namespace = parts[1] ?? '';
    if (parts.length > 2 && !NAMESPACE_SUBRESOURCES.has(parts[2] ?? '')) parts = parts.slice(2);
  }
  info.parts = parts;
  info.resource = parts[0] ?? '';
  info.name = parts[1] ?? '';
  // What follows a proxied name is a path of the backend.
  if (info.verb !== 'proxy') info.subresource = parts[2] ?? '';
}

function fillList(info: Draft, query: URLSearchParams): void {
  info.verb = isTrue(query.get('watch')) ? 'watch' : 'list';
  const name = exactName(query);
  if (name !== undefined && isPathSegmentName(name)) info.name = name;
}

/** The name that the field selector asks for; `undefined` also when any list option is unreadable. */
function exactName(query: URLSearchParams): string | undefined {
  if (['limit', 'timeoutSeconds'].some((option) => !/^-?\d*$/.test(query.get(option) ?? ''))) return undefined;
  try {
    parseLabelSelector(query.get('labelSelector') ?? '');
    const wanted = parseFieldSelector(query.get('fieldSelector') ?? '').find(isNameRequirement);
    return wanted?.value;
  } catch {
    return undefined;
  }
}

function isNameRequirement({ field, operator }: FieldRequirement): boolean {
  return field === 'metadata.name' && operator === '=';
}

/** Whether `name` can be one part of a path (apimachinery `path.IsValidPathSegmentName`). */
export function isPathSegmentName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/%]/.test(name);
}

/** A query flag: absent, `false` and `0` mean no, anything else means yes (apimachinery `conversion.go`). */
export function isTrue(value: string | null): boolean {
  return value !== null && value !== '0' && value.toLowerCase() !== 'false';
}

/**
 * Splits a request target into its decoded path and its query.
 *
 * @throws StatusError (400) for a path that is not valid percent-encoded UTF-8.
 */
export function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
  // A proxy's client sends the whole URL.
  const local = target.replace(/^https?:\/\/[^/?#]*/i, '');
  const mark = local.indexOf('?');
  const encoded = mark === -1 ? local : local.slice(0, mark);
  const query = new URLSearchParams(mark === -1 ? '' : local.slice(mark + 1));
  try {
    return { path: decodeURIComponent(encoded), query };
  } catch {
    throw badRequest('the path of the request is not valid percent-encoded UTF-8');
  }
}

function splitPath(path: string): string[] {
  const trimmed = path.replace(/^\/+|\/+$/g, '');
  return trimmed === '' ? [] : trimmed.split('/');
}
