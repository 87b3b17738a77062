import type { Duplex } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { splice } from './splice.js';

/**
 * Joins two streams, a stream of a connection and a socket for example: copies both ways, with backpressure, and passes
 * each half-close on by itself. When one side fails, or closes before its end, the other is reset (a socket by RST), so
 * that it does not take what it got for everything; unless it had got everything.
 *
 * ```ts
 * const newStreamHandler = (stream) => pipeStreams(stream, connect(8080));
 * ```
 *
 * Takes over both streams, their errors included. Resolves when both have ended; rejects with the error of the side that
 * broke. A rejection that nobody waits for is not reported.
 */
export function pipeStreams(left: Duplex, right: Duplex, options: { readonly clock?: Clock } = {}): Promise<void> {
  const joined = splice(left, right, options).then((failure) => {
    if (failure !== undefined) throw failure.error;
  });
  joined.catch(() => {});
  return joined;
}
