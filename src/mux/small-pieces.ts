const SLAB_BYTES = 4096;
/** Up to this size a piece that waits costs more for its upkeep than for its bytes. */
export const SMALL_BYTES = 1024;

const NOTHING: Buffer = Buffer.alloc(0);

/** Joins small pieces that nobody reads yet, so that what a peer can make this side hold is what it sent. */
export class SmallPieces {
  #slab: Buffer = NOTHING;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Takes a piece of at most {@link SMALL_BYTES}; `false`: there is no room, so {@link take} first. */
  add(piece: Buffer): boolean {
    if (this.#length + piece.length > this.#slab.length) {
      if (this.#length > 0) return false;
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    }
    piece.copy(this.#slab, this.#length);
    this.#length += piece.length;
    return true;
  }

  /** What was gathered, in memory of about its size. */
  take(): Buffer {
    const { length } = this;
    const slab = this.#slab;
    this.#slab = NOTHING;
    this.#length = 0;
    if (length * 2 >= slab.length) return slab.subarray(0, length);
    const copy = Buffer.allocUnsafeSlow(length);
    slab.copy(copy, 0, 0, length);
    return copy;
  }
}
