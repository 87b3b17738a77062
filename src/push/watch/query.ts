import { badRequest, invalidOption } from './status.js';

/** What a list or watch asks for (`metav1.ListOptions`). */
export interface WatchQuery {
  readonly watch: boolean;
  /** A cursor, `0`, or empty when not given. Other transports call it `cursor`, which is taken too. */
  readonly resourceVersion: string;
  /** Life of the watch; `undefined`: the server decides. */
  readonly timeoutSeconds: number | undefined;
  readonly allowWatchBookmarks: boolean;
  readonly sendInitialEvents: boolean | undefined;
  /** Items of a list, at most; 0: no limit. */
  readonly limit: number;
  /** Where a list goes on; empty when not given. */
  readonly continue: string;
}

/**
 * Reads the options of a list or watch. The first of repeated parameters counts.
 *
 * Sources: apimachinery `runtime/conversion.go`, `meta/internalversion/validation/validation.go`. Beyond these, what this
 * server cannot do is refused and not ignored: selectors, `resourceVersionMatch=Exact`.
 *
 * @throws StatusFailure: 400 for what cannot be read, 422 for options that do not go together.
 */
export function parseWatchQuery(query: URLSearchParams): WatchQuery {
  for (const name of ['fieldSelector', 'labelSelector']) {
    if ((query.get(name) ?? '') !== '') throw badRequest(`${name} is not supported by this server`);
  }
  const parsed: WatchQuery = {
    watch: booleanOf(query, 'watch') ?? false,
    resourceVersion: resourceVersionOf(query),
    timeoutSeconds: integerOf(query, 'timeoutSeconds') || undefined,
    allowWatchBookmarks: booleanOf(query, 'allowWatchBookmarks') ?? false,
    sendInitialEvents: booleanOf(query, 'sendInitialEvents'),
    limit: integerOf(query, 'limit'),
    continue: query.get('continue') ?? '',
  };
  const match = query.get('resourceVersionMatch') ?? '';
  if (parsed.watch) checkWatch(parsed, match);
  else checkList(parsed, match);
  return parsed;
}

function checkWatch({ sendInitialEvents, continue: token }: WatchQuery, match: string): void {
  if (sendInitialEvents !== undefined && match !== 'NotOlderThan') {
    throw forbidden('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  }
  if (match !== '' && sendInitialEvents === undefined) {
    const text = 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided';
    throw forbidden('resourceVersionMatch', text);
  }
  if (token !== '') throw forbidden('continue', 'continue is forbidden for watch');
}

function checkList({ sendInitialEvents, resourceVersion, continue: token }: WatchQuery, match: string): void {
  if (match !== '') {
    if (resourceVersion === '') {
      throw forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden unless resourceVersion is provided');
    }
    if (token !== '') {
      throw forbidden('resourceVersionMatch', 'resourceVersionMatch is forbidden when continue is provided');
    }
    if (match !== 'NotOlderThan') {
      const text = `${JSON.stringify(match.slice(0, 64))}: supported values: "NotOlderThan", ""`;
      throw invalidOption('resourceVersionMatch', 'FieldValueNotSupported', text);
    }
  }
  if (token !== '' && resourceVersion !== '' && resourceVersion !== '0') {
    throw badRequest('specifying resource version is not allowed when using continue');
  }
  if (sendInitialEvents !== undefined) {
    throw forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list');
  }
}

function forbidden(field: string, text: string): Error {
  return invalidOption(field, 'FieldValueForbidden', text);
}

/** Under either name: a position that was passed over would be a silent loss. */
function resourceVersionOf(query: URLSearchParams): string {
  const version = query.get('resourceVersion') ?? '';
  const cursor = query.get('cursor') ?? '';
  if (version !== '' && cursor !== '' && version !== cursor) {
    throw badRequest('"resourceVersion" and "cursor" cannot both be specified');
  }
  return version || cursor;
}

/** Only the absence, `0` and `false` are false. */
function booleanOf(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  return text === null ? undefined : text !== '0' && text.toLowerCase() !== 'false';
}

function integerOf(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '';
  if (text === '') return 0;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw badRequest(`${name}: ${JSON.stringify(text.slice(0, 64))} is not a whole number from 0 on`);
}
