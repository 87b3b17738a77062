import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Clock } from '../../clock/clock.js';
import type { Follower, FollowOptions } from '../log/types.js';

/** A request of a `node:http` or `node:http2` server. */
export type PushRequest = IncomingMessage | Http2ServerRequest;

/** Its response. */
export type PushResponse = ServerResponse | Http2ServerResponse;

/** What the handlers need of an `EventLog`. */
export interface FollowableLog {
  readonly clock: Clock;
  follow<F>(options: FollowOptions<F>): Follower<F>;
}

/** The cursor, beside a plain number that means something in one run only. */
export const CURSOR_HEADER = 'Trunkline-Cursor';

/** The run that plain numbers belong to: the origin of the log. */
export const RUN_HEADER = 'Trunkline-Run';
