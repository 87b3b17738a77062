import type { Writable } from 'node:stream';
import { constants, createBrotliCompress, type BrotliCompress } from 'node:zlib';
import type { Outlet } from './outlet.js';
import type { Payload } from './payload.js';
import type { PushResponse } from './types.js';

/** As little memory as brotli can do with: a window of 64 KiB, and no search that needs large tables. */
const PARAMS: Readonly<Record<number, number>> = {
  [constants.BROTLI_PARAM_LGWIN]: 16,
  [constants.BROTLI_PARAM_LGBLOCK]: 16,
  [constants.BROTLI_PARAM_QUALITY]: 3,
  [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
};

/** Brotli, whose blocks cannot be shared: a compressor for each client. */
export class BrotliOutlet implements Outlet {
  readonly #res: PushResponse;
  readonly #encoder: BrotliCompress = createBrotliCompress({ params: PARAMS });
  #unflushed = 0;
  #full = false;
  #callback: (() => void) | undefined;

  constructor(res: PushResponse) {
    this.#res = res;
    this.#encoder.on('data', (bytes: Buffer) => {
      if (this.#put(bytes)) return;
      this.#full = true;
      res.once('drain', () => {
        this.#full = false;
        this.#encoder.resume();
        this.#room();
      });
      this.#encoder.pause();
    });
    this.#encoder.on('end', () => res.end());
    // Only a failure of zlib itself ends here.
    this.#encoder.on('error', () => res.destroy());
    res.once('close', () => this.#encoder.destroy());
  }

  get pending(): number {
    return this.#res.writableLength + this.#encoder.writableLength + this.#encoder.readableLength;
  }

  write(payload: Payload): boolean {
    this.#encoder.write(payload.bytes);
    this.#unflushed += 1;
    this.#encoder.flush(constants.BROTLI_OPERATION_FLUSH, () => {
      this.#unflushed -= 1;
      this.#room();
    });
    // One slice at a time is in the compressor.
    return false;
  }

  onRoom(callback: () => void): void {
    this.#callback = callback;
  }

  end(): void {
    this.#encoder.end();
  }

  #put(bytes: Buffer): boolean {
    const target: Writable = this.#res;
    return target.write(bytes);
  }

  #room(): void {
    if (this.#unflushed > 0 || this.#full) return;
    const callback = this.#callback;
    this.#callback = undefined;
    callback?.();
  }
}
