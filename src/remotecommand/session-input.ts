import { Readable } from 'node:stream';
import { ConnectionLostError } from '../errors/index.js';

/**
 * A session's stdin: what arrives on `source`, with its backpressure. Once it is finished or destroyed, the rest is read
 * and thrown away, because a peer's stream that nobody reads holds up the whole connection.
 */
export class SessionInput extends Readable {
  readonly #source: Readable;
  readonly #take = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#source.pause();
  };
  #discarding = false;

  constructor(source: Readable) {
    super({ highWaterMark: 64 * 1024 });
    this.#source = source;
    // Nobody has to listen: an unwatched stream must not end the process.
    this.on('error', () => {});
    source.on('error', (error) => this.destroy(error));
    source.once('end', () => this.finish());
    const close = (): void => {
      if (this.#discarding) return;
      this.destroy(source.errored ?? new ConnectionLostError('the connection closed before stdin ended'));
    };
    source.once('close', close);
    source.on('data', this.#take);
    source.pause();
    // The client can have given it up while it was still opening others.
    if (source.destroyed) close();
  }

  /** Ends the stream for its reader and discards what still comes. */
  finish(): void {
    if (this.#discarding) return;
    this.#discard();
    if (!this.destroyed) this.push(null);
  }

  override _read(): void {
    this.#source.resume();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#discard();
    callback(error);
  }

  #discard(): void {
    if (this.#discarding) return;
    this.#discarding = true;
    this.#source.off('data', this.#take);
    this.#source.resume();
  }
}
