import type { Logger } from '../../logger/logger.js';
import { jsonLine, lineFramer, type Line } from '../lines/line.js';
import type { Framer, GapReason, LogEvent } from '../log/types.js';
import { keyOf } from './key.js';

/** Actions of etcd's that change a key. */
const ETCD_ACTIONS: ReadonlySet<string> = new Set([
  'set',
  'create',
  'update',
  'delete',
  'expire',
  'compareAndSwap',
  'compareAndDelete',
]);
/** Those after which it has no value. */
const REMOVALS: ReadonlySet<string> = new Set(['delete', 'expire', 'compareAndDelete']);

/** Tells the `action` of an event. */
export type ActionOf = (event: LogEvent) => string;

/** The type of the event where that is an action of etcd's, otherwise `set`. */
export const defaultAction: ActionOf = ({ type }) => (ETCD_ACTIONS.has(type) ? type : 'set');

/** A key with its value, as etcd v2 shows it. */
export interface EtcdNode {
  readonly key?: string;
  readonly value?: string;
  readonly dir?: true;
  readonly nodes?: readonly EtcdNode[];
  readonly modifiedIndex?: number;
  readonly createdIndex?: number;
}

/** Whether an action takes the key away. */
export function removes(action: string): boolean {
  return REMOVALS.has(action);
}

/** Both indexes are that of the event, that of the newest item before it if it is live, as after each `set` of etcd's, which replaces the node. */
export function nodeOf({ stream, data, index }: LogEvent, action: string): EtcdNode {
  const value = removes(action) ? {} : { value: data };
  return { key: keyOf(stream), ...value, modifiedIndex: index, createdIndex: index };
}

/** An item as a line of JSON. */
export interface KeyLine extends Line {
  /** Index of the event; 0 for a gap, which is the only special line. */
  readonly index: number;
  /** Why events are missing. */
  readonly gap?: GapReason;
}

/**
 * One line of JSON per item: etcd's event, with the type of ours, the data where the node has no value, and the cursor behind
 * it; or a gap, as
 * `{"action":"gap","gap":{"reason","streams","missing"},"cursor"}`.
 */
export function keyFramer(actionOf: ActionOf): Framer<readonly KeyLine[]> {
  return lineFramer<KeyLine>({
    event(event, cursor) {
      const action = actionOf(event);
      // A node that was taken away has no value, but the event may have come with data.
      const data = removes(action) && event.data !== '' ? { data: event.data } : {};
      const { type, live } = event;
      const bytes = jsonLine({ action, node: nodeOf(event, action), type, ...data, cursor, live });
      return { bytes, index: event.index, special: false };
    },
    gap({ reason, streams, missing }, cursor) {
      const bytes = jsonLine({ action: 'gap', gap: { reason, streams, missing }, cursor });
      return { bytes, index: 0, special: true, gap: reason };
    },
  });
}

/** Keeps a hook that throws from ending everybody who is served. */
export function safeAction(actionOf: ActionOf, logger: Logger): ActionOf {
  return (event) => {
    try {
      return String(actionOf(event));
    } catch (error) {
      const { stream, type, index } = event;
      logger.error({ err: error, stream, type, index }, 'the action of an event could not be told');
      return 'set';
    }
  };
}
