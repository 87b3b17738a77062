const FIRST_SLAB_BYTES = 512;
const LARGEST_SLAB_BYTES = 16 * 1024;

/**
 * Received bytes that nobody has read yet, copied out of the messages they came in: a message is shared by streams, and
 * whoever reads a chunk may transfer its memory. Small pieces are put together, so that many of them cost little more than
 * their bytes.
 */
export class ByteQueue {
  #pieces: Uint8Array<ArrayBuffer>[] = [];
  #first = 0;
  #length = 0;
  /** Memory of the last piece, while it has room. */
  #slab: Uint8Array<ArrayBuffer> | undefined;

  get length(): number {
    return this.#length;
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#length += bytes.length;
    const slab = this.#slab;
    const last = this.#pieces.at(-1);
    if (slab !== undefined && last !== undefined && last.length + bytes.length <= slab.length) {
      slab.set(bytes, last.length);
      this.#pieces[this.#pieces.length - 1] = slab.subarray(0, last.length + bytes.length);
      return;
    }
    const size = slab === undefined ? FIRST_SLAB_BYTES : Math.min(slab.length * 2, LARGEST_SLAB_BYTES);
    if (bytes.length >= size) {
      this.#slab = undefined;
      this.#pieces.push(bytes.slice());
      return;
    }
    this.#slab = new Uint8Array(size);
    this.#slab.set(bytes);
    this.#pieces.push(this.#slab.subarray(0, bytes.length));
  }

  /** The oldest piece; the caller owns its memory. */
  shift(): Uint8Array<ArrayBuffer> | undefined {
    const piece = this.#pieces[this.#first];
    if (piece === undefined) return undefined;
    this.#first++;
    this.#length -= piece.length;
    if (this.#first === this.#pieces.length) this.clear();
    else if (this.#first > 64) {
      this.#pieces = this.#pieces.slice(this.#first);
      this.#first = 0;
    }
    return piece;
  }

  clear(): void {
    this.#pieces = [];
    this.#first = 0;
    this.#length = 0;
    this.#slab = undefined;
  }
}
