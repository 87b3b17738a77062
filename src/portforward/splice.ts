import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../clock/clock.js';
import { ConnectionLostError } from '../errors/index.js';

/** Milliseconds for one side to take what the other had sent in full before it went. */
const RETIRE_TIMEOUT = 10_000;

/** Why a {@link splice} broke. */
export interface SpliceFailure {
  readonly side: 'left' | 'right';
  readonly error: Error;
  /** Whether the other side had already sent its end. */
  readonly otherEnded: boolean;
}

/** Settings of {@link splice}. */
export interface SpliceOptions {
  readonly clock?: Clock;
  /** Called before the streams are aborted. */
  readonly failed?: (failure: SpliceFailure) => void;
}

/**
 * Copies both ways between two streams until both directions have ended, each with its own half-close. When one side
 * fails, or closes before its time, the other is aborted, so that it does not take what it got for everything; unless
 * it was everything. Resolves with the failure, if there was one; never rejects.
 */
export function splice(
  left: Duplex,
  right: Duplex,
  { clock = systemClock, failed }: SpliceOptions = {},
): Promise<SpliceFailure | undefined> {
  // Sockets made without it would answer a FIN with a FIN. To be set before the first 'end'.
  left.allowHalfOpen = true;
  right.allowHalfOpen = true;
  return new Promise((resolve) => {
    let over = false;
    const fail = (side: 'left' | 'right', error: Error): void => {
      if (over) return;
      over = true;
      const [broken, other] = side === 'left' ? [left, right] : [right, left];
      const failure = { side, error, otherEnded: other.readableEnded };
      failed?.(failure);
      const complete = broken.readableEnded;
      abort(broken);
      if (complete) retire(other, clock);
      else abort(other);
      resolve(failure);
    };
    const progress = (): void => {
      if (over || !isDone(left) || !isDone(right)) return;
      over = true;
      resolve(undefined);
    };
    const watch = (stream: Duplex, side: 'left' | 'right'): void => {
      const closed = (): void => {
        if (!isDone(stream)) fail(side, stream.errored ?? new ConnectionLostError('closed before its end'));
      };
      stream.on('error', (error: Error) => fail(side, error));
      stream.on('end', progress).on('finish', progress).on('close', closed);
      if (stream.destroyed) closed();
    };
    watch(left, 'left');
    watch(right, 'right');
    if (over) return;
    left.pipe(right);
    right.pipe(left);
  });
}

function isDone(stream: Duplex): boolean {
  return stream.readableEnded && stream.writableFinished;
}

/** Lets a stream have all that was written to it, and ends it then. What it still sends is dropped. */
function retire(stream: Duplex, clock: Clock): void {
  if (stream.writableFinished) return leave(stream);
  if (stream.destroyed) return;
  const timer = clock.setTimeout(() => abort(stream), RETIRE_TIMEOUT);
  stream.once('close', () => timer.cancel());
  stream.once('finish', () => leave(stream));
  stream.end();
  stream.resume();
}

function leave(stream: Duplex): void {
  if ('reset' in stream) abort(stream);
  else stream.destroy();
}

/** Ends a stream so that the peer does not take what it got for everything: by a reset where the stream has one. */
export function abort(stream: Duplex): void {
  if (stream.destroyed) return;
  if ('reset' in stream && typeof stream.reset === 'function') stream.reset();
  else if ('resetAndDestroy' in stream && typeof stream.resetAndDestroy === 'function') stream.resetAndDestroy();
  else stream.destroy();
}
