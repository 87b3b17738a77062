import { Writable } from 'node:stream';
import { ConnectionLostError } from '../errors/index.js';
import { SessionFinishedError } from './session-errors.js';

type Callback = (error?: Error | null) => void;

/**
 * A session's stdout or stderr on top of a stream of the wire, whose backpressure it passes on. Destroying it leaves the
 * wire alone, and a write after the session's end fails by itself: what was taken before still reaches the client.
 */
export class SessionOutput extends Writable {
  readonly #wire: Writable;
  #waiting: Callback | undefined;
  #flushing = false;

  constructor(wire: Writable) {
    super({ highWaterMark: 64 * 1024, decodeStrings: true });
    this.#wire = wire;
    // Nobody has to listen: an unwatched stream must not end the process.
    this.on('error', () => {});
    wire.on('drain', () => this.#continue());
    wire.on('error', (error) => this.destroy(error));
    wire.once('close', () => {
      if (!wire.writableFinished)
        this.destroy(new ConnectionLostError('the connection closed before the output ended'));
    });
  }

  /** Ends the stream; resolves when every byte and the end were handed over, or when that became impossible. */
  async flush(): Promise<void> {
    const wire = this.#wire;
    this.#flushing = true;
    if (!this.destroyed) await ended(this);
    await ended(wire);
  }

  override write(chunk: unknown, encoding?: BufferEncoding | Callback, callback?: Callback): boolean {
    if (!this.#flushing) return super.write(chunk, encoding as BufferEncoding, callback);
    // Node would destroy the stream, and what it still holds with it.
    const done = typeof encoding === 'function' ? encoding : callback;
    if (done !== undefined) process.nextTick(done, new SessionFinishedError());
    return false;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: Callback): void {
    if (this.#wire.write(chunk)) callback();
    else this.#waiting = callback;
  }

  override _final(callback: Callback): void {
    this.#wire.end(callback);
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#continue(error);
    callback(error);
  }

  #continue(error?: Error | null): void {
    const callback = this.#waiting;
    this.#waiting = undefined;
    callback?.(error);
  }
}

/** Ends `stream`; resolves when it has finished or is gone. Never rejects. */
export function ended(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.writableFinished || stream.destroyed) {
      resolve();
      return;
    }
    stream.once('finish', resolve);
    stream.once('close', resolve);
    stream.on('error', () => resolve());
    if (!stream.writableEnded) stream.end();
  });
}
