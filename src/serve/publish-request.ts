import { InvalidArgumentError, LimitExceededError } from '../errors/index.js';
import type { Ack } from '../mesh/node/acknowledgements.js';
import { checkPublishOptions } from '../push/log/checks.js';
import { textOf } from '../push/log/event.js';
import { checkEventType, checkStreamName } from '../push/log/names.js';
import { RequestError } from './errors.js';

/** What the query of a publish request says. */
export interface PublishQuery {
  readonly stream: string | undefined;
  readonly type: string | undefined;
  readonly key: string | undefined;
  readonly ack: Ack;
  /** Milliseconds. */
  readonly timeout: number;
  readonly batch: boolean;
}

/** One event to publish, checked. */
export interface PublishItem {
  readonly stream: string;
  readonly type: string | undefined;
  readonly key: string | undefined;
  readonly data: string;
}

const PARAMETERS: ReadonlySet<string> = new Set(['stream', 'type', 'key', 'ack', 'timeout', 'batch']);
const MEMBERS: ReadonlySet<string> = new Set(['stream', 'type', 'key', 'data']);
const LONGEST_TIMEOUT = 60_000;

/** Content types whose body is text; the last is what `curl -d` says of anything. */
const TEXT_TYPES: ReadonlySet<string> = new Set(['', 'text/plain', 'application/x-www-form-urlencoded']);
const JSON_TYPE = 'application/json';
const LINES_TYPES: ReadonlySet<string> = new Set(['application/x-ndjson', 'application/jsonl']);

/**
 * Reads the query. What is misspelt is refused rather than passed over: `akc=all` would promise less than was asked for.
 *
 * @throws RequestError
 */
export function parsePublishQuery(query: URLSearchParams, timeout: number): PublishQuery {
  for (const name of query.keys()) {
    if (!PARAMETERS.has(name)) throw bad(`there is no parameter ${JSON.stringify(name.slice(0, 64))}`);
    if (query.getAll(name).length > 1) throw bad(`the parameter ${name} is there more than once`);
  }
  const ack = query.get('ack') ?? 'one';
  if (ack !== 'local' && ack !== 'one' && ack !== 'all') throw bad('ack must be local, one or all');
  const batch = query.get('batch') ?? 'false';
  if (batch !== 'true' && batch !== 'false') throw bad('batch must be true or false');
  return {
    stream: query.get('stream') ?? undefined,
    type: query.get('type') ?? undefined,
    key: query.get('key') ?? undefined,
    ack,
    timeout: timeoutOf(query.get('timeout'), timeout),
    batch: batch === 'true',
  };
}

/**
 * The events in a body, all checked, so that nothing is published of a request that cannot be published whole.
 *
 * @throws RequestError that says which of them is wrong.
 */
export function itemsOf(
  query: PublishQuery,
  mediaType: string,
  text: string,
  limits: { readonly maxEventBytes: number; readonly maxBatch: number },
): { readonly items: readonly PublishItem[]; readonly batch: boolean } {
  const lines = LINES_TYPES.has(mediaType);
  if (!lines && !query.batch) {
    return { items: [itemOf({ ...query, data: dataOf(mediaType, text) }, limits.maxEventBytes)], batch: false };
  }
  if (query.key !== undefined) throw bad('in a batch each event has its own key');
  const given = lines ? linesOf(text, limits.maxBatch) : listOf(mediaType, text);
  if (given.length > limits.maxBatch) {
    throw new RequestError(413, 'ERR_TOO_LARGE', `a batch must not have more than ${limits.maxBatch} events`);
  }
  const items = given.map((value, index) => {
    try {
      return memberOf(value, query, limits.maxEventBytes);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      throw new RequestError(error.status, error.code, `event ${index + 1} of the batch: ${error.message}`);
    }
  });
  return { items, batch: true };
}

function timeoutOf(text: string | null, otherwise: number): number {
  if (text === null) return otherwise;
  if (!/^\d{1,5}$/.test(text) || Number(text) < 1 || Number(text) > LONGEST_TIMEOUT) {
    throw bad(`timeout must be milliseconds from 1 to ${LONGEST_TIMEOUT}`);
  }
  return Number(text);
}

/** JSON goes out as it came, for numbers may be longer than JavaScript can hold. */
function dataOf(mediaType: string, text: string): string {
  if (TEXT_TYPES.has(mediaType)) return text;
  if (mediaType !== JSON_TYPE) throw unsupported();
  parsed(text);
  return text.trim();
}

function listOf(mediaType: string, text: string): unknown[] {
  if (mediaType !== JSON_TYPE) throw unsupported();
  const list = parsed(text);
  if (!Array.isArray(list)) throw bad('a batch must be a JSON array, or lines of JSON as application/x-ndjson');
  return list;
}

function linesOf(text: string, most: number): unknown[] {
  // One more than there may be, so that it shows.
  const lines = text.split('\n', 2 * most + 2).filter((line) => line.trim() !== '');
  return lines.slice(0, most + 1).map(parsed);
}

function memberOf(value: unknown, query: PublishQuery, maxEventBytes: number): PublishItem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('it must be an object');
  for (const name of Object.keys(value)) {
    if (!MEMBERS.has(name)) throw bad(`there is no member ${JSON.stringify(name.slice(0, 64))}`);
  }
  if (!('data' in value)) throw bad('it has no data');
  return itemOf(
    {
      stream: textMember(value, 'stream') ?? query.stream,
      type: textMember(value, 'type') ?? query.type,
      key: textMember(value, 'key'),
      data: value.data,
    },
    maxEventBytes,
  );
}

function textMember(value: object, name: string): string | undefined {
  const member: unknown = Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  if (member === undefined || typeof member === 'string') return member;
  throw bad(`${name} must be text`);
}

function itemOf(
  given: Omit<PublishItem, 'stream' | 'data'> & { readonly stream: string | undefined; readonly data: unknown },
  maxEventBytes: number,
): PublishItem {
  const { stream, type, key, data } = given;
  if (stream === undefined) throw bad('no stream is named: add the query parameter stream, as ?stream=NAME');
  try {
    checkStreamName(stream);
    if (type !== undefined) checkEventType(type);
    checkPublishOptions({ key });
    return { stream, type, key, data: textOf(data, maxEventBytes) };
  } catch (error) {
    if (error instanceof LimitExceededError) throw new RequestError(413, 'ERR_TOO_LARGE', error.message);
    if (error instanceof InvalidArgumentError) throw bad(error.message);
    throw error;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw bad('the body is not JSON');
  }
}

function unsupported(): RequestError {
  const types = 'text/plain, application/json or application/x-ndjson';
  return new RequestError(415, 'ERR_UNSUPPORTED', `the Content-Type must be ${types}`);
}

function bad(message: string): RequestError {
  return new RequestError(400, 'ERR_BAD_REQUEST', message);
}
