/** Cuts a list of buffers into runs of at most `most` bytes, without copying. */
export class Slices {
  readonly #pieces: readonly Buffer[];
  readonly #most: number;
  #piece = 0;
  #offset = 0;
  #left: number;
  #started = false;

  constructor(pieces: readonly Buffer[], most: number) {
    this.#pieces = pieces;
    this.#most = most;
    this.#left = pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  /** Whether all was given out. No bytes at all make one empty run. */
  get finished(): boolean {
    return this.#started && this.#left === 0;
  }

  /** Length of the next run. */
  get nextLength(): number {
    return Math.min(this.#left, this.#most);
  }

  next(): { readonly parts: readonly Buffer[]; readonly length: number } {
    this.#started = true;
    const length = this.nextLength;
    const parts: Buffer[] = [];
    for (let wanted = length; wanted > 0;) {
      const piece = this.#pieces[this.#piece];
      if (piece === undefined) break;
      const part = piece.subarray(this.#offset, this.#offset + wanted);
      if (part.length > 0) parts.push(part);
      wanted -= part.length;
      this.#offset += part.length;
      if (this.#offset === piece.length) {
        this.#piece += 1;
        this.#offset = 0;
      }
    }
    this.#left -= length;
    return { parts, length };
  }
}
