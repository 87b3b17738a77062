import type { Follower } from '../log/types.js';
import type { WatchFrame } from './framer.js';

/** One watch of a call. */
export interface Watch {
  /** Decimal text. */
  readonly id: string;
  readonly streams: readonly string[];
  readonly follower: Follower<WatchFrame>;
  /** Tells the client how far the watch has come, unless there is more to send. */
  readonly tellProgress: () => void;
  /** Whether events were sent since the last look: then there is no need to. */
  active: boolean;
}
