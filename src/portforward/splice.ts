import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { systemClock, type Clock } from '../clock/clock.js';
import { ConnectionLostError } from '../errors/index.js';

/** Milliseconds for one side to take what the other had sent in full before it went. */
const RETIRE_TIMEOUT = 10_000;
/** Milliseconds for a socket to show that its end was a reset. */
const CONFIRM_TIMEOUT = 1_000;

/** Why a {@link splice} broke. */
export interface SpliceFailure {
  readonly side: 'left' | 'right';
  readonly error: Error;
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
  return new Promise((resolve) => {
    let over = false;
    /** Sides that have sent everything. */
    const complete = new Set<Duplex>();
    const fail = (side: 'left' | 'right', error: Error): void => {
      if (over) return;
      over = true;
      const [broken, other] = side === 'left' ? [left, right] : [right, left];
      failed?.({ side, error });
      abort(broken);
      if (complete.has(broken)) retire(other, clock);
      else abort(other);
      resolve({ side, error });
    };
    const progress = (): void => {
      if (over || !isDone(left) || !isDone(right)) return;
      over = true;
      resolve(undefined);
    };
    const watch = (stream: Duplex, side: 'left' | 'right', other: Duplex): void => {
      // A socket made without it would answer a FIN with a FIN. To be set before the first 'end'.
      stream.allowHalfOpen = true;
      const closed = (): void => {
        if (!isDone(stream)) fail(side, stream.errored ?? new ConnectionLostError('closed before its end'));
      };
      stream.on('error', (error: Error) => fail(side, error));
      stream.on('finish', progress).on('close', closed);
      stream.once('end', () => {
        confirmEnd(stream, clock, () => {
          if (over) return;
          complete.add(stream);
          other.end();
          progress();
        });
      });
      if (stream.destroyed) closed();
    };
    watch(left, 'left', right);
    watch(right, 'right', left);
    if (over) return;
    left.pipe(right, { end: false });
    right.pipe(left, { end: false });
  });
}

const NOTHING = Buffer.alloc(0);

/**
 * Calls back once it is sure that the end of a socket was one. libuv takes a reset for an end when it finds it together
 * with the last bytes (`uv__stream_io`, `POLLHUP`). The kernel knows better: to write on such a socket, were it nothing at
 * all, fails, and the socket with it.
 */
function confirmEnd(stream: Duplex, clock: Clock, confirmed: () => void): void {
  if (!(stream instanceof Socket) || stream instanceof TLSSocket || !stream.writable) return confirmed();
  // What waits to be written may wait for long; had the socket been reset, it would have failed by then.
  const timer = clock.setTimeout(confirmed, CONFIRM_TIMEOUT);
  stream.write(NOTHING, (error) => {
    timer.cancel();
    if (!error) confirmed();
  });
}

function isDone(stream: Duplex): boolean {
  return stream.readableEnded && stream.writableFinished;
}

/** Lets a stream have all that was written to it, and ends it then. What it still sends is dropped. */
function retire(stream: Duplex, clock: Clock): void {
  if (stream.destroyed) return;
  if (stream.writableFinished) return leave(stream);
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
