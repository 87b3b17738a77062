import { Writable } from 'node:stream';
import { ConnectionLostError } from '../errors/index.js';

/**
 * A session's stdout or stderr on top of a stream of the wire, whose backpressure it passes on. A write after the end,
 * or destroying it, fails this object only: what was written before still reaches the client.
 */
export class SessionOutput extends Writable {
  readonly #wire: Writable;
  #waiting: ((error?: Error | null) => void) | undefined;

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
    if (!this.destroyed) await ended(this);
    await ended(wire);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#wire.write(chunk)) callback();
    else this.#waiting = callback;
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#wire.end(callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
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
