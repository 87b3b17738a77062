import { messagePool } from './message-pool.js';

/** Pieces from here on travel as messages of their own, uncopied: a message costs less than the copy. */
const LEAST_UNCOPIED = 16 * 1024;

/** A message to send. `pooled`: its memory goes back to the pool when it was sent. */
export interface OutgoingMessage {
  readonly bytes: Buffer;
  readonly pooled: boolean;
}

/** Makes messages of at most `most` bytes from a list of buffers: small ones are joined, large ones only cut. */
export class Messages {
  readonly #pieces: readonly Buffer[];
  readonly #most: number;
  #index = 0;
  #offset = 0;

  constructor(pieces: readonly Buffer[], most: number) {
    this.#pieces = pieces;
    this.#most = most;
  }

  /** The next message; `undefined` when all was given out. Empty pieces make no message. */
  next(): OutgoingMessage | undefined {
    let piece = this.#pieces[this.#index];
    while (piece?.length === 0) piece = this.#pieces[++this.#index];
    if (piece === undefined) return undefined;
    const rest = piece.length - this.#offset;
    if (rest >= LEAST_UNCOPIED || rest > this.#most) return this.#cut(piece);
    const end = this.#endOfRun();
    if (end === this.#index + 1) {
      const bytes = this.#offset === 0 ? piece : piece.subarray(this.#offset);
      this.#advance(end);
      return { bytes, pooled: false };
    }
    return this.#join(end);
  }

  #cut(piece: Buffer): OutgoingMessage {
    const end = Math.min(piece.length, this.#offset + this.#most);
    const bytes = this.#offset === 0 && end === piece.length ? piece : piece.subarray(this.#offset, end);
    if (end === piece.length) this.#advance(this.#index + 1);
    else this.#offset = end;
    return { bytes, pooled: false };
  }

  /** Index behind the small pieces that fit into one message. */
  #endOfRun(): number {
    let length = -this.#offset;
    let index = this.#index;
    for (; index < this.#pieces.length; index++) {
      const next = this.#pieces[index]?.length ?? 0;
      length += next;
      if (length > this.#most || (next >= LEAST_UNCOPIED && index > this.#index)) break;
    }
    return index;
  }

  #join(end: number): OutgoingMessage {
    const parts = this.#pieces.slice(this.#index, end);
    if (this.#offset > 0) parts[0] = (parts[0] ?? Buffer.alloc(0)).subarray(this.#offset);
    const bytes = messagePool.take(parts.reduce((sum, { length }) => sum + length, 0));
    let offset = 0;
    for (const part of parts) {
      bytes.set(part, offset);
      offset += part.length;
    }
    this.#advance(end);
    return { bytes, pooled: true };
  }

  #advance(index: number): void {
    this.#index = index;
    this.#offset = 0;
  }
}
