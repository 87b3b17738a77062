import type { Authorize } from '../http/authorize.js';
import type { GateOptions } from '../http/gate.js';
import type { StreamingOptions } from '../http/streaming-options.js';
import type { FollowableLog } from '../http/types.js';
import type { LogEvent } from '../log/types.js';
import type { ActionOf } from './event.js';

/** What `longPollHandler` needs of an `EventLog`. */
export interface KeyLog extends FollowableLog {
  readonly origin: string;
  readonly index: number;
  cursor(streams: string | readonly string[]): string;
  checkCursor(cursor: string): void;
  oldestIndex(streams: string | readonly string[]): number;
  history(streams: string | readonly string[]): readonly LogEvent[];
  newest(stream: string): LogEvent | undefined;
}

/** How `longPollHandler` works. */
export interface LongPollOptions
  extends
    Omit<GateOptions, 'stream' | 'wildcards' | 'authorize'>,
    Pick<StreamingOptions, 'writeTimeout' | 'maxClients' | 'maxClientsPerConnection' | 'clock'> {
  /**
   * Decides about each request before anything is followed or read. It is asked for the stream of the key, and for the
   * pattern `stream/*` too where keys below it are meant; at the root for `*`. Default: everybody may read.
   */
  readonly authorize?: Authorize;
  /**
   * What paths begin with; the key is the rest. Behind a router that takes the front of the path away, give what it leaves,
   * often the empty text. Default `/v2/keys`.
   */
  readonly prefix?: string;
  /**
   * The `action` of an event; called once per event. Default: its type where that is an action of etcd's that changes a key
   * (`create`, `update`, `delete`, `expire`, …), otherwise `set`. After `delete`, `expire` and `compareAndDelete` a key has
   * no value. When the hook throws, that is logged and the action is `set`.
   */
  readonly action?: ActionOf;
  /**
   * Milliseconds that a request may wait. Then the answer is 200 with an empty body, upon which clients of etcd ask again.
   * Default 0: for ever, as in etcd.
   */
  readonly timeout?: number;
  /**
   * What to do with a `waitIndex` that lies more than one ahead of the newest index, so that this run cannot have told it:
   * `refuse` it with error 401, from which clients recover, or `wait` for it as etcd does; after a restart that would pass
   * over all events before it. Default `refuse`.
   */
  readonly ahead?: 'refuse' | 'wait';
  /** Bytes of values in the answer to a `get` of a directory; more are refused with 413. Default 4,194,304. */
  readonly maxAnswerBytes?: number;
}
