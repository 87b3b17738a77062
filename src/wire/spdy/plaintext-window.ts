/** How far back DEFLATE can refer (RFC 1951, 2). */
const WINDOW_BYTES = 32 * 1024;

/** The last 32 KiB of plaintext of one direction: the dictionary with which the next block can be handled on its own. */
export class PlaintextWindow {
  // Twice the window, so that bytes move once per 32 KiB and not once per block.
  readonly #buffer: Buffer = Buffer.allocUnsafeSlow(2 * WINDOW_BYTES);
  #end: number;

  constructor(initial: Buffer) {
    this.#end = initial.copy(this.#buffer);
  }

  get last(): Buffer {
    return this.#buffer.subarray(Math.max(0, this.#end - WINDOW_BYTES), this.#end);
  }

  push(plaintext: Buffer): void {
    const tail = plaintext.length > WINDOW_BYTES ? plaintext.subarray(-WINDOW_BYTES) : plaintext;
    if (this.#end + tail.length > this.#buffer.length) {
      const keep = WINDOW_BYTES - tail.length;
      this.#buffer.copyWithin(0, this.#end - keep, this.#end);
      this.#end = keep;
    }
    this.#end += tail.copy(this.#buffer, this.#end);
  }
}
