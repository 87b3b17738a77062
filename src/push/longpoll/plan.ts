import type { StartPosition } from '../log/types.js';
import { etcdFailure, type EtcdFailure } from './etcd-error.js';
import type { KeyRequest } from './request.js';
import type { KeyLog } from './types.js';

/** Where a waiting request begins. */
export interface WaitPlan {
  readonly start: StartPosition;
  /** It is asked by index, so that gaps cannot be told in the answer. */
  readonly byIndex: boolean;
}

/**
 * Decides where a waiting request begins, or how it is refused: an index of another run, one whose events have left the
 * history, or one ahead of the run is answered by etcd's error 401, whose `index` says where to go on.
 */
export function planWait(
  log: KeyLog,
  { streams, cursor, waitIndex, run }: KeyRequest,
  ahead: 'refuse' | 'wait',
): WaitPlan | EtcdFailure {
  if (cursor !== undefined) return { start: { cursor }, byIndex: false };
  if (waitIndex === 0) return { start: 'now', byIndex: true };
  if (run !== undefined && run !== log.origin) {
    return etcdFailure(401, `the index belongs to another run than ${log.origin}`, log.index);
  }
  const oldest = log.oldestIndex(streams);
  if (waitIndex < oldest) {
    return etcdFailure(401, `the requested history has been cleared [${oldest}/${waitIndex}]`, log.index);
  }
  if (ahead === 'refuse' && waitIndex > log.index + 1) {
    return etcdFailure(401, `the requested index lies ahead of this run [${log.index}/${waitIndex}]`, log.index);
  }
  return { start: { index: waitIndex }, byIndex: true };
}
