import { Readable, type Duplex } from 'node:stream';
import type { AttachOptions } from './client-types.js';
import { deferred } from './deferred.js';

/** A copy that is under way. */
export interface InputCopy {
  /** Rejects when the source fails; never resolves. */
  readonly failed: Promise<never>;
  /** Stops copying and lets go of the source. */
  release(): void;
}

/**
 * Feeds `remote` from a caller's source, with backpressure; the source's end half-closes. What the server sends on the
 * way back is thrown away. A remote side that is gone just ends the copy: why is told elsewhere.
 */
export function copyInput(input: NonNullable<AttachOptions['stdin']>, remote: Duplex): InputCopy {
  remote.on('error', () => {});
  remote.resume();
  if (typeof input === 'string' || input instanceof Uint8Array) {
    remote.end(input);
    return { failed: new Promise(() => {}), release: () => {} };
  }
  const own = !(input instanceof Readable);
  const source = own ? Readable.from(input, { objectMode: true, highWaterMark: 1 }) : input;
  const failed = deferred<never>();
  const take = (chunk: string | Uint8Array): void => {
    try {
      if (!remote.write(chunk)) source.pause();
    } catch (error) {
      // A chunk that is neither text nor bytes.
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const resume = (): void => {
    source.resume();
  };
  const end = (): void => {
    release();
    remote.end();
  };
  const fail = (error: Error): void => {
    release();
    failed.reject(error);
  };
  const close = (): void => fail(new Error('the stdin stream was closed before its end'));
  let released = false;
  const release = (): void => {
    if (released) return;
    released = true;
    source.off('data', take);
    source.off('end', end);
    source.off('close', close);
    source.pause();
    remote.off('drain', resume);
    remote.off('close', release);
    if (!own) source.off('error', fail);
    else if (!source.destroyed) source.destroy();
  };
  if (source.errored) {
    released = true;
    failed.reject(source.errored);
  } else if (source.readableEnded) end();
  else if (source.destroyed) close();
  else {
    source.on('error', fail);
    source.on('end', end);
    source.on('close', close);
    remote.on('drain', resume);
    remote.on('close', release);
    source.on('data', take);
    // A source that was paused before stays so when a listener comes.
    source.resume();
    if (remote.destroyed) release();
  }
  return { failed: failed.promise, release };
}
