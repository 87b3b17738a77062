import { createHash } from 'node:crypto';
import { Writable } from 'node:stream';

/** Counts and hashes what is written. */
export class HashingSink extends Writable {
  readonly #hash = createHash('sha256');
  #bytes = 0;

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.#hash.update(chunk);
    this.#bytes += chunk.length;
    callback();
  }

  /** Call once, at the end. */
  result(): { readonly bytes: number; readonly sha256: string } {
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') };
  }
}
