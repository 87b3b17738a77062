import type { GateOptions } from '../http/gate.js';
import type { StreamingOptions } from '../http/streaming-options.js';
import type { FollowableLog } from '../http/types.js';
import type { LogEvent } from '../log/types.js';
import type { WatchObject, WatchType } from './object.js';

/** What `watchHandler` needs of an `EventLog`. */
export interface WatchableLog extends FollowableLog {
  readonly origin: string;
  cursor(streams: string | readonly string[]): string;
  checkCursor(cursor: string): void;
}

/** How `watchHandler` works. */
export interface WatchHandlerOptions
  extends
    GateOptions,
    Pick<StreamingOptions, 'writeTimeout' | 'maxClients' | 'maxClientsPerConnection' | 'compression' | 'clock'> {
  /** Of the objects, and with `List` behind it of lists. Default `Event`. */
  readonly kind?: string;
  /** Default `push.trunkline.dev/v1`. */
  readonly apiVersion?: string;
  /**
   * The object that an event tells of; called once per event. Default: the event itself, with `stream`, `type`, `data` (text)
   * and `key`, named by its origin and number. When the hook throws, that is logged, and watchers are told of an error 500
   * and ended: an event must not vanish.
   */
  readonly toObject?: (event: LogEvent) => WatchObject;
  /**
   * What an event does to its object. Default: `ADDED`, for each event is an object of its own. With this hook, lists hold
   * the last state of each object, by namespace and name, and not those that were deleted.
   */
  readonly watchType?: (event: LogEvent) => WatchType;
  /**
   * Least milliseconds that a watch lives which does not say `timeoutSeconds`; it ends at random between this and twice as
   * much. 0: never. Default 1,800,000, as in Kubernetes.
   */
  readonly minRequestTimeout?: number;
  /**
   * Milliseconds between bookmarks. 0: none between the first and the last. Default 30,000: half of what proxies such as nginx
   * let pass in silence.
   */
  readonly bookmarkInterval?: number;
  /**
   * Bytes of a list, about; what is beyond comes with `continue`. Not for lists of states (`watchType`), which are whole.
   * Default 4,194,304.
   */
  readonly maxListBytes?: number;
  /** Numbers in [0, 1), to spread the ends of watches. Default: the system's secure source. */
  readonly random?: () => number;
}
