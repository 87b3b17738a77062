import { ownCopy } from '../../bytes/own-copy.js';

const SMALL = 1024;
const SLAB = 4096;
const MOST_WASTE = 4;

/**
 * Received bytes that wait for a reader. Pieces are views of what the socket read, and would keep all of it alive: small
 * ones are therefore gathered into slabs, and larger ones copied when they are a small part of what they came from. So a
 * peer cannot make this side hold more than a few times the bytes that it counts.
 */
export class PieceQueue {
  #pieces: Buffer[] = [];
  #next = 0;
  #slab: Buffer | undefined;
  #slabStart = 0;
  #slabEnd = 0;
  #bytes = 0;

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  push(piece: Buffer): void {
    this.#bytes += piece.length;
    if (piece.length > SMALL) {
      this.#closeSlabPiece();
      const wasteful = piece.buffer.byteLength > piece.length * MOST_WASTE;
      this.#pieces.push(wasteful ? ownCopy(piece) : piece);
      return;
    }
    if (this.#slab === undefined || this.#slabEnd + piece.length > SLAB) {
      this.#closeSlabPiece();
      this.#slab = Buffer.allocUnsafeSlow(SLAB);
      this.#slabStart = 0;
      this.#slabEnd = 0;
    }
    this.#slab.set(piece, this.#slabEnd);
    this.#slabEnd += piece.length;
  }

  /** The oldest bytes, or `undefined` when there are none. */
  shift(): Buffer | undefined {
    if (this.#next === this.#pieces.length) this.#closeSlabPiece();
    const piece = this.#pieces[this.#next];
    if (piece === undefined) return undefined;
    this.#next += 1;
    if (this.#next === this.#pieces.length) {
      this.#pieces = [];
      this.#next = 0;
    }
    this.#bytes -= piece.length;
    return piece;
  }

  clear(): void {
    this.#pieces = [];
    this.#next = 0;
    this.#slab = undefined;
    this.#slabStart = 0;
    this.#slabEnd = 0;
    this.#bytes = 0;
  }

  #closeSlabPiece(): void {
    if (this.#slab === undefined || this.#slabEnd === this.#slabStart) return;
    this.#pieces.push(this.#slab.subarray(this.#slabStart, this.#slabEnd));
    this.#slabStart = this.#slabEnd;
  }
}
