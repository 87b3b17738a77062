import { RUN_HEADER, type PushRequest } from '../http/types.js';
import { queryOf } from '../http/request.js';
import { etcdFailure, type EtcdFailure } from './etcd-error.js';
import { keyOfPath, targetsOf } from './key.js';

/** What a request asks for. */
export interface KeyRequest {
  readonly key: string;
  /** What it reads, for the log and for `authorize`. */
  readonly streams: readonly string[];
  readonly wait: boolean;
  /** Go on after the first event, in the same answer. */
  readonly stream: boolean;
  readonly recursive: boolean;
  readonly sorted: boolean;
  /** The least index that is wanted; 0: the next event from now on. */
  readonly waitIndex: number;
  /** Takes the place of `waitIndex`. */
  readonly cursor: string | undefined;
  /** The run that `waitIndex` is an index of, when the client says. */
  readonly run: string | undefined;
}

const TRUE = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'false', 'FALSE', 'False']);
const FLAGS = ['recursive', 'sorted', 'wait', 'quorum', 'stream'] as const;
const LARGEST_UINT64 = 2n ** 64n - 1n;

/**
 * Reads a request as etcd does (`parseKeyRequest`): the first of repeated parameters counts, and what is there must be well
 * formed; an empty value is not. An index past the safe integers is taken for the largest of them: it lies ahead of every
 * run.
 */
export function parseKeyRequest(req: PushRequest, prefix: string): KeyRequest | EtcdFailure {
  const [path = ''] = (req.url ?? '').split('?', 1);
  const found = keyOfPath(path, prefix);
  if (found === undefined)
    return etcdFailure(210, `incorrect key prefix: the path must begin with ${JSON.stringify(prefix)} (prefix)`);
  const { key, directory } = found;
  if (key.includes('*')) return etcdFailure(209, 'a key must not contain *');
  const query = queryOf(req);
  const waitIndex = uintOf(query.get('waitIndex'));
  if (waitIndex === undefined) return etcdFailure(203, 'invalid value for "waitIndex"');
  const flags = { recursive: false, sorted: false, wait: false, quorum: false, stream: false };
  for (const name of FLAGS) {
    const text = query.get(name);
    if (text === null) continue;
    if (!TRUE.has(text) && !FALSE.has(text)) return etcdFailure(209, `invalid value for "${name}"`);
    flags[name] = TRUE.has(text);
  }
  const { recursive, sorted, wait, stream } = flags;
  if (wait && req.method !== 'GET') return etcdFailure(209, '"wait" can only be used with GET requests');
  const cursor = query.get('cursor') ?? undefined;
  if (cursor !== undefined && waitIndex > 0) {
    return etcdFailure(209, '"cursor" and "waitIndex" cannot both be specified');
  }
  const follows = wait || cursor !== undefined;
  if (follows && key === '/' && !recursive) return etcdFailure(209, 'at the root only "recursive" brings events');
  const streams = targetsOf(key, recursive || (directory && !follows));
  const header = req.headers[RUN_HEADER.toLowerCase()];
  const run = (typeof header === 'string' ? header : undefined) ?? query.get('run') ?? undefined;
  return { key, streams, recursive, sorted, wait, stream, waitIndex, cursor, run };
}

/** Go's `strconv.ParseUint(text, 10, 64)`; 0 for nothing. */
function uintOf(text: string | null): number | undefined {
  if (text === null) return 0;
  // 2^64 has 20 digits; leading zeros are legal, but not without end.
  if (!/^\d{1,64}$/.test(text)) return undefined;
  const value = BigInt(text);
  if (value > LARGEST_UINT64) return undefined;
  return value > Number.MAX_SAFE_INTEGER ? Number.MAX_SAFE_INTEGER : Number(value);
}
