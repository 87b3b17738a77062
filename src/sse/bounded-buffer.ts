import { LimitExceededError } from '../errors/index.js';

const FIRST_BYTES = 512;
/** What is kept between two uses; an unusually long line or event gives its memory back. */
const KEPT_BYTES = 64 * 1024;

/**
 * Bytes that arrive in pieces and are read in one. It grows by doubling, so that each byte is copied a constant number of
 * times however small the pieces are, and no piece keeps the chunk that it came in alive.
 */
export class BoundedBuffer {
  readonly #limit: string;
  readonly #most: number;
  #bytes: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;

  /** @param limit names the bound in the error; @param most is the bound, in bytes. */
  constructor(limit: string, most: number) {
    this.#limit = limit;
    this.#most = most;
  }

  get length(): number {
    return this.#length;
  }

  /** The memory; valid up to {@link length} and until the next change. */
  get bytes(): Buffer {
    return this.#bytes;
  }

  /** @throws LimitExceededError when there would be more bytes than the bound. */
  append(source: Uint8Array, start: number, end: number): void {
    const length = this.#length + (end - start);
    this.check(length);
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes.set(source.subarray(start, end), this.#length);
    this.#length = length;
  }

  /** @throws LimitExceededError when there would be more bytes than the bound. */
  appendByte(byte: number): void {
    const length = this.#length + 1;
    this.check(length);
    if (length > this.#bytes.length) this.#grow(length);
    this.#bytes[this.#length] = byte;
    this.#length = length;
  }

  /** @throws LimitExceededError when `length` is beyond the bound. */
  check(length: number): void {
    if (length > this.#most) {
      throw new LimitExceededError(this.#limit, `the event stream exceeds ${this.#limit} (${this.#most} bytes)`, {
        initiator: 'remote',
      });
    }
  }

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }

  #grow(length: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(length, Math.min(this.#bytes.length * 2, this.#most)));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}
