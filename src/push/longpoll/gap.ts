import type { Follower } from '../log/types.js';
import { etcdFailure, type EtcdFailure } from './etcd-error.js';
import type { KeyLine } from './event.js';
import type { KeyLog } from './types.js';

/**
 * Says that events are missing behind the index that was asked for: they are held by nobody any more, or the history of
 * several streams together has gone on. A client that adds one to the index of this error goes on behind them.
 *
 * @param follower Has given `gap`.
 */
export function gapFailure(log: KeyLog, gap: KeyLine, follower: Follower<readonly KeyLine[]>): EtcdFailure {
  let next: KeyLine | undefined = gap;
  while (next?.special === true) [next] = follower.pull({ items: 1 })?.payload ?? [];
  return etcdFailure(401, `events are missing [${gap.gap}]`, next === undefined ? log.index : next.index - 1);
}
