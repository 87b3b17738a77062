const SLAB_BYTES = 64 * 1024;
/** Up to this size, copying a payload costs less than giving the kernel one more buffer. */
export const COPY_BYTES = 1024;

/**
 * Collects encoded frames for one vectored write. Frame heads and small payloads share slabs; large payloads are passed
 * on without a copy, so they must not change until they were sent.
 */
export class FrameOutput {
  #slab: Buffer = Buffer.allocUnsafeSlow(SLAB_BYTES);
  #start = 0;
  #end = 0;
  #parts: Buffer[] = [];
  #length = 0;

  /** Bytes collected since the last {@link take}. */
  get length(): number {
    return this.#length;
  }

  /**
   * Makes room for `size` contiguous bytes, at most 64 KiB, and returns where to write them: `this.slab` from the
   * returned offset. They count as written.
   */
  reserve(size: number): number {
    if (this.#end + size > this.#slab.length) {
      this.#cut();
      this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#start = 0;
      this.#end = 0;
    }
    const offset = this.#end;
    this.#end += size;
    this.#length += size;
    return offset;
  }

  /** The buffer that {@link reserve} made room in. */
  get slab(): Buffer {
    return this.#slab;
  }

  /** Appends a payload, copied when it is small. */
  append(payload: Buffer): void {
    if (payload.length <= COPY_BYTES) {
      const offset = this.reserve(payload.length);
      payload.copy(this.#slab, offset);
      return;
    }
    this.#cut();
    this.#parts.push(payload);
    this.#length += payload.length;
  }

  /** Hands out all that was collected, in order. */
  take(): Buffer[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#length = 0;
    return parts;
  }

  #cut(): void {
    if (this.#end > this.#start) this.#parts.push(this.#slab.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }
}
