import type { FileHandle } from 'node:fs/promises';

const BLOCK_BYTES = 256 * 1024;

/**
 * Gathers chunks into blocks of one piece of memory before they are written to a file: fewer calls, and chunks that
 * needn't live until the disk has them, so that they cost the garbage collector next to nothing.
 */
export class BlockWriter {
  readonly #block: Buffer = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  #used = 0;

  /** Copies a chunk; what fills blocks is written before this resolves. */
  async write(file: FileHandle, chunk: Buffer): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const length = Math.min(chunk.length - taken, BLOCK_BYTES - this.#used);
      chunk.copy(this.#block, this.#used, taken, taken + length);
      this.#used += length;
      taken += length;
      if (this.#used === BLOCK_BYTES) await this.flush(file);
    }
  }

  /** Writes what is left. */
  async flush(file: FileHandle): Promise<void> {
    // Continues where the last write ended, and writes all of it.
    if (this.#used > 0) await file.writeFile(this.#block.subarray(0, this.#used));
    this.#used = 0;
  }

  /** Forgets what is left, of a file that failed. */
  clear(): void {
    this.#used = 0;
  }
}
