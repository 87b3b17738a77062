import type { StartPosition } from '../log/types.js';
import type { CreateRequest } from './request.js';
import type { WatchableLog } from './types.js';

/** Where a watch begins; `compacted` when that is no longer kept, or not of this run, such as `ahead` of it; or why it cannot be had. */
export type WatchStart =
  | { readonly start: StartPosition; readonly byRevision: boolean }
  | { readonly compacted: true; readonly ahead?: true }
  | { readonly refusal: string };

/** Reads where a create request wants to begin. */
export function startOf(request: CreateRequest, log: WatchableLog, ahead: 'refuse' | 'wait'): WatchStart {
  const { cursor, run, startRevision, streams } = request;
  if (startRevision === '0') {
    return { start: cursor === '' ? 'now' : { cursor }, byRevision: false };
  }
  if (cursor !== '') return { refusal: 'a watch begins at a cursor or at a start_revision, not at both' };
  const revision = Number(startRevision);
  // etcd takes a negative revision for one that is gone.
  if (revision < 0 || (run !== '' && run !== log.origin)) return { compacted: true };
  if (!Number.isSafeInteger(revision)) return { refusal: 'the start_revision is out of range' };
  if (ahead === 'refuse' && revision > log.index + 1) return { compacted: true, ahead: true };
  return revision < log.oldestIndex(streams) ? { compacted: true } : { start: { index: revision }, byRevision: true };
}
