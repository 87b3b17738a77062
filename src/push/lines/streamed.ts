import type { PayloadLog } from '../http/streaming.js';
import type { FollowableLog } from '../http/types.js';
import type { FollowOptions, Framer } from '../log/types.js';
import type { Line } from './line.js';
import { LineFollower, type LineHooks } from './line-follower.js';

/** A log as `StreamingResponses` follow it, whose followers read lines and give payloads of them. */
export function inLines<L extends Line>(
  log: FollowableLog,
  framer: Framer<readonly L[]>,
  hooks: LineHooks<L>,
): PayloadLog {
  return { follow: (options) => new LineFollower(log.follow({ ...plain(options), framer }), hooks) };
}

/** Whoever follows may be an object with methods. */
function plain<F>(options: FollowOptions<F>): Omit<FollowOptions<F>, 'framer'> {
  const { streams, start = 'now', transport, peer, whenOvertaken = 'gap' } = options;
  return {
    streams,
    start,
    transport,
    peer,
    whenOvertaken,
    onReady: () => options.onReady(),
    onEnd: (reason) => options.onEnd?.(reason),
  };
}
