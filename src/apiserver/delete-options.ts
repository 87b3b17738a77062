import type { IncomingMessage } from 'node:http';
import { integerOf } from './list-options.js';
import { badRequest, invalid, statusError } from './status-error.js';

/** How an object is to be deleted (`metav1.DeleteOptions`, as far as it is served here). */
export interface DeleteOptions {
  /** Seconds that the client gives; `undefined` leaves it to the object. */
  readonly gracePeriodSeconds: number | undefined;
  /** What the object must be, or nothing happens. */
  readonly preconditions: { readonly uid?: string; readonly resourceVersion?: string };
  /** Answer as if, and do nothing. */
  readonly dryRun: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const POLICIES: ReadonlySet<unknown> = new Set(['Orphan', 'Background', 'Foreground']);
const VERSIONS: ReadonlySet<unknown> = new Set(['v1', 'meta.k8s.io/v1']);

/**
 * Reads the options of a deletion from the body or, when there is none, from the query.
 *
 * @throws StatusError: 400 for what cannot be read; 415 for a body that is not JSON; 422 for values that mean nothing.
 *
 * Sources: apiserver `endpoints/handlers/delete.go`, apimachinery `apis/meta/v1/validation.ValidateDeleteOptions`.
 */
export function parseDeleteOptions(req: IncomingMessage, body: Buffer, query: URLSearchParams): DeleteOptions {
  const fields = body.length > 0 ? parseBody(req, body) : fieldsOf(query);
  const { propagationPolicy, orphanDependents } = fields;
  optional(fields, 'orphanDependents', 'boolean');
  if (propagationPolicy !== undefined && orphanDependents !== undefined) {
    throw invalid('DeleteOptions', 'propagationPolicy', 'orphanDependents and deletionPropagation cannot be both set');
  }
  if (propagationPolicy !== undefined && !POLICIES.has(propagationPolicy)) {
    const message = 'Unsupported value: supported values: "Foreground", "Background", "Orphan"';
    throw invalid('DeleteOptions', 'propagationPolicy', message);
  }
  return {
    gracePeriodSeconds: wholeSeconds(optional(fields, 'gracePeriodSeconds', 'number')),
    preconditions: preconditionsOf(fields['preconditions']),
    dryRun: dryRunOf(fields['dryRun']),
  };
}

function parseBody(req: IncomingMessage, body: Buffer): Fields {
  const type = (req.headers['content-type'] ?? 'application/json').replace(/;.*$/, '').trim().toLowerCase();
  if (type !== 'application/json') {
    const message = 'the body of the request was in an unknown format - accepted media types include: application/json';
    throw statusError(415, message);
  }
  const fields = parseJSON(body);
  const { kind = 'DeleteOptions', apiVersion = 'v1' } = fields;
  if (kind !== 'DeleteOptions' || !VERSIONS.has(apiVersion)) {
    throw badRequest('decoded object cannot be converted to DeleteOptions');
  }
  return fields;
}

function parseJSON(body: Buffer): Fields {
  try {
    return asFields(JSON.parse(body.toString('utf8')));
  } catch {
    throw badRequest('the body of the request is no JSON object');
  }
}

function fieldsOf(query: URLSearchParams): Fields {
  const gracePeriodSeconds = integerOf(query, 'gracePeriodSeconds');
  const propagationPolicy = query.get('propagationPolicy');
  return {
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy === null ? {} : { propagationPolicy }),
    dryRun: query.getAll('dryRun'),
  };
}

function asFields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not an object');
  // A null is as good as nothing, as Go's decoder has it.
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null));
}

function optional(fields: Fields, name: string, type: 'number' | 'string' | 'boolean'): unknown {
  const value = fields[name];
  if (value !== undefined && typeof value !== type) throw badRequest(`${name} must be a ${type}`);
  return value;
}

function wholeSeconds(value: unknown): number | undefined {
  if (value === undefined || Number.isSafeInteger(value)) return value as number | undefined;
  throw badRequest('gracePeriodSeconds must be a whole number');
}

function preconditionsOf(value: unknown): DeleteOptions['preconditions'] {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null) throw badRequest('preconditions must be an object');
  const fields = asFields(value);
  const uid = optional(fields, 'uid', 'string');
  const resourceVersion = optional(fields, 'resourceVersion', 'string');
  return {
    ...(typeof uid === 'string' ? { uid } : {}),
    ...(typeof resourceVersion === 'string' ? { resourceVersion } : {}),
  };
}

function dryRunOf(value: unknown): boolean {
  const values = value ?? [];
  if (Array.isArray(values) && values.every((one) => one === 'All')) return values.length > 0;
  throw invalid('DeleteOptions', 'dryRun', 'Unsupported value: supported values: "All"');
}
