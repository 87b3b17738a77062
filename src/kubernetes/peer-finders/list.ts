import { ProtocolError, LimitExceededError } from '../../errors/index.js';
import { KubernetesAPIError } from '../api-error.js';
import type { APIClient } from './api-client.js';
import { fieldsOf, listOf, textOf, type Fields } from './fields.js';
import { readAtMost } from './read-body.js';

/** Objects that one answer is asked to have at most. */
const PAGE = 250;
/** Bytes that one answer may have. */
const PAGE_BYTES = 32 * 1024 * 1024;

/** Which objects are meant. */
export interface Selection {
  readonly path: string;
  /** `labelSelector` and `fieldSelector`, where they are wanted. */
  readonly selectors: Readonly<Record<string, string>>;
}

/** Objects as they were at a version. */
export interface ListResult {
  readonly items: readonly Fields[];
  readonly version: string;
}

/**
 * Lists objects as they are now, in chunks, by a read that is consistent (no `resourceVersion`), so that a cache that lags
 * behind cannot take a mesh back in time. When the chunks outlive their version, all is asked for at once.
 *
 * @param most Objects that are read at most.
 * @throws what {@link APIClient.get} throws; LimitExceededError; ProtocolError for an answer that is no list.
 */
export async function listObjects(
  api: APIClient,
  selection: Selection,
  most: number,
  signal: AbortSignal,
): Promise<ListResult> {
  try {
    return await listChunks(api, selection, most, signal);
  } catch (error) {
    if (!(error instanceof KubernetesAPIError && error.expired)) throw error;
    const { items, version } = await page(api, selection, {}, signal);
    checkCount(items.length, most);
    return { items, version };
  }
}

async function listChunks(
  api: APIClient,
  selection: Selection,
  most: number,
  signal: AbortSignal,
): Promise<ListResult> {
  const all: Fields[] = [];
  for (let next: string | undefined = ''; ;) {
    const query: Record<string, string> = { limit: String(PAGE), ...(next === '' ? {} : { continue: next }) };
    const chunk = await page(api, selection, query, signal);
    all.push(...chunk.items);
    checkCount(all.length, most);
    if (chunk.next === undefined) return { items: all, version: chunk.version };
    // Else a server could keep this going for ever.
    if (chunk.items.length === 0) throw new ProtocolError('the API server sent an empty chunk of a list', REMOTE);
    next = chunk.next;
  }
}

const REMOTE = { initiator: 'remote' } as const;

async function page(
  api: APIClient,
  { path, selectors }: Selection,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<ListResult & { readonly next: string | undefined }> {
  const body = await readAtMost(await api.get(path, { ...selectors, ...query }, signal), PAGE_BYTES);
  const list = fieldsOf(parsed(body.toString('utf8')));
  const metadata = fieldsOf(list['metadata']);
  const version = textOf(metadata['resourceVersion']);
  if (version === undefined || (list['items'] !== null && !Array.isArray(list['items']))) {
    throw new ProtocolError('the API server answered with something that is no list', REMOTE);
  }
  const next = metadata['continue'];
  return {
    items: listOf(list['items']).map(fieldsOf),
    version,
    next: typeof next === 'string' && next !== '' ? next : undefined,
  };
}

function checkCount(count: number, most: number): void {
  if (count > most) throw new LimitExceededError('objects', `more than ${most} objects are selected`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ProtocolError('the API server answered with something that is no JSON', { ...REMOTE, cause });
  }
}
