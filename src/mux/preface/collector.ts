import { HEAD_BYTES } from './codec.js';

const NOTHING = new Uint8Array(0);

/** Gathers a preface, head and body, from pieces of any size. One that comes whole is only looked at where it is. */
export class Collector {
  /** The head first; once that tells the length, all of it. */
  #bytes: Uint8Array = NOTHING;
  #filled = 0;

  /** Takes what belongs to the preface from `chunk` and returns how much that was. Stops at a length above `most`. */
  take(chunk: Uint8Array, most: number): number {
    if (this.#filled === 0) {
      const length = HEAD_BYTES + bodyLength(chunk);
      if (chunk.length >= length && length <= HEAD_BYTES + most) {
        this.#bytes = chunk;
        this.#filled = length;
        return length;
      }
      this.#bytes = new Uint8Array(HEAD_BYTES);
    }
    let taken = this.#fill(chunk, 0);
    if (this.#bytes.length === HEAD_BYTES && this.#filled === HEAD_BYTES && this.#bodyLength <= most) {
      const head = this.#bytes;
      this.#bytes = new Uint8Array(HEAD_BYTES + this.#bodyLength);
      this.#bytes.set(head);
      taken += this.#fill(chunk, taken);
    }
    return taken;
  }

  /** The first byte, once it is there. */
  get kind(): number | undefined {
    return this.#filled > 0 ? this.#bytes[0] : undefined;
  }

  get complete(): boolean {
    return this.#filled >= HEAD_BYTES && this.#filled === HEAD_BYTES + this.#bodyLength;
  }

  /** Whether the peer announces more than `most`. */
  tooLong(most: number): boolean {
    return this.#filled >= HEAD_BYTES && this.#bodyLength > most;
  }

  /** Valid until the next piece comes. */
  get body(): Uint8Array {
    return this.#bytes.subarray(HEAD_BYTES, this.#filled);
  }

  get #bodyLength(): number {
    return bodyLength(this.#bytes);
  }

  #fill(chunk: Uint8Array, from: number): number {
    const piece = chunk.subarray(from, from + this.#bytes.length - this.#filled);
    this.#bytes.set(piece, this.#filled);
    this.#filled += piece.length;
    return piece.length;
  }
}

function bodyLength(bytes: Uint8Array): number {
  return ((bytes[1] ?? 0) << 8) | (bytes[2] ?? 0);
}
