import type { Follower } from '../log/types.js';
import { etcdFailure, type EtcdFailure } from './etcd-error.js';
import type { KeyLine } from './event.js';
import type { KeyLog } from './types.js';

/** The history from the index on begins with events that nobody has any more. */
export function lostFailure(index: number): EtcdFailure {
  return etcdFailure(401, 'events of the requested history have been lost', index);
}

/** The index before the next event that a follower is due, so that a client that adds one to it goes on there. */
export function indexBehindLosses(log: KeyLog, follower: Follower<readonly KeyLine[]>): number {
  for (;;) {
    const line = follower.pull({ items: 1 })?.payload[0];
    if (line === undefined) return log.index;
    if (!line.special) return line.index - 1;
  }
}
