import { failureStatus } from '../httpstream/index.js';
import type { ListOptions, Selector } from './list-options.js';
import type { KubernetesObject } from './objects.js';
import { snapshotAt, type Snapshot } from './snapshot.js';
import { badRequest, statusError, StatusError } from './status-error.js';
import { keyOf, type ResourceReader } from './store.js';

/** One answer of a list: all that is selected, or a chunk of it. */
export interface Page<T extends KubernetesObject> {
  readonly items: readonly T[];
  /** `metav1.ListMeta`. */
  readonly metadata: {
    readonly resourceVersion: string;
    /** Token that the next chunk is asked for with; absent at the end. */
    readonly continue?: string;
    /** How many more there are; absent at the end, and where a selector leaves it unknown. */
    readonly remainingItemCount?: number;
  };
}

/** Where a list goes on. Version 0 goes on in the current state, whatever it was at first. */
interface Position {
  readonly version: number;
  readonly after: string;
}

/**
 * The chunk of a list that `options` ask for. All chunks of a list are of one version.
 *
 * Sources: apiserver `storage/etcd3/store.go` (GetList), `storage/continue.go`.
 *
 * @param selective Whether `selected` may leave something out.
 * @throws StatusError: 400 for a token that is none; 410 for a version whose state is no longer known, with a token to go
 * on with in the current state; 504 for a version that is yet to come.
 */
export function pageOf<T extends KubernetesObject>(
  objects: ResourceReader<T>,
  options: ListOptions,
  selected: Selector<T>,
  selective: boolean,
): Page<T> {
  const position = options.continueToken === '' ? undefined : decodeToken(options);
  const { items, version } = stateFor(objects, options, position);
  const rest = items.filter((object) => (position === undefined || keyOf(object) > position.after) && selected(object));
  const { limit } = options;
  const page = limit === 0 ? rest : rest.slice(0, limit);
  const last = page.at(-1);
  const resourceVersion = String(version);
  if (last === undefined || page.length === rest.length) return { items: page, metadata: { resourceVersion } };
  const metadata = {
    resourceVersion,
    continue: encodeToken({ version, after: keyOf(last) }),
    ...(selective ? {} : { remainingItemCount: rest.length - page.length }),
  };
  return { items: page, metadata };
}

function stateFor<T extends KubernetesObject>(
  objects: ResourceReader<T>,
  options: ListOptions,
  position: Position | undefined,
): Snapshot<T> {
  const current = objects.list();
  if (position !== undefined) {
    if (position.version === 0) return current;
    if (position.version > current.version) throw badRequest('continue key is not valid');
    return snapshotAt(objects, position.version) ?? fail(expiredToken(position));
  }
  const wanted = Number(options.resourceVersion || 0);
  if (wanted > current.version) throw tooLarge(wanted, current.version);
  // With a limit a version alone means just that one, for the sake of old clients.
  const exact =
    options.resourceVersionMatch === 'Exact' || (options.resourceVersionMatch === undefined && options.limit > 0);
  if (wanted === 0 || !exact) return current;
  return (
    snapshotAt(objects, wanted) ??
    fail(statusError(410, 'The resourceVersion for the provided list is too old.', 'Expired'))
  );
}

/** 504: the server has not come so far; the client may ask again. */
export function tooLarge(wanted: number, current: number): StatusError {
  return statusError(504, `Too large resource version: ${wanted}, current: ${current}`, 'Timeout', {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

function expiredToken({ after }: Position): StatusError {
  const message =
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
    'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
    'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
    'deleted between the time the first chunk was returned and now may show up in the list.';
  const status = failureStatus(410, message, 'Expired');
  const metadata = { continue: encodeToken({ version: 0, after }) };
  return new StatusError({ ...status, code: 410, metadata }, { initiator: 'remote' });
}

function fail(error: Error): never {
  throw error;
}

function encodeToken(position: Position): string {
  return Buffer.from(JSON.stringify({ v: 1, rv: position.version, start: position.after })).toString('base64url');
}

function decodeToken({ continueToken, resourceVersion }: ListOptions): Position {
  if (resourceVersion !== '' && resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  const { v, rv, start } = parsed(Buffer.from(continueToken, 'base64url').toString('utf8'));
  if (v !== 1 || typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv < 0 || typeof start !== 'string') {
    throw badRequest('continue key is not valid');
  }
  return { version: rv, after: start };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
