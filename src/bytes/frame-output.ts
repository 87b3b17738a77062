import type { Allocate } from './memory.js';

const SLAB_BYTES = 64 * 1024;
/** A connection that says little keeps little. */
const FIRST_SLAB_BYTES = 2 * 1024;
/** Up to this size, copying a payload costs less than giving the kernel one more buffer. */
export const COPY_BYTES = 1024;

/**
 * Collects encoded frames for one vectored write. Frame heads and small payloads share slabs; large payloads are passed
 * on without a copy, so they must not change until they were sent.
 */
export class FrameOutput<Bytes extends Uint8Array = Buffer> {
  readonly #allocate: Allocate<Bytes>;
  #slab: Bytes;
  #start = 0;
  #end = 0;
  #parts: Bytes[] = [];
  #length = 0;

  /** @param allocate makes the slabs. */
  constructor(allocate: Allocate<Bytes>) {
    this.#allocate = allocate;
    this.#slab = allocate(FIRST_SLAB_BYTES);
  }

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
      this.#slab = this.#allocate(SLAB_BYTES);
      this.#start = 0;
      this.#end = 0;
    }
    const offset = this.#end;
    this.#end += size;
    this.#length += size;
    return offset;
  }

  /** The buffer that {@link reserve} made room in. */
  get slab(): Bytes {
    return this.#slab;
  }

  /** Appends a payload, copied when it is small. */
  append(payload: Bytes): void {
    if (payload.length <= COPY_BYTES) {
      const offset = this.reserve(payload.length);
      this.#slab.set(payload, offset);
      return;
    }
    this.#cut();
    this.#parts.push(payload);
    this.#length += payload.length;
  }

  /** Appends a copy of bytes of any kind. */
  copy(bytes: Uint8Array): void {
    if (bytes.length <= SLAB_BYTES) {
      const offset = this.reserve(bytes.length);
      this.#slab.set(bytes, offset);
      return;
    }
    const own = this.#allocate(bytes.length);
    own.set(bytes);
    this.append(own);
  }

  /** Hands out all that was collected, in order. */
  take(): Bytes[] {
    this.#cut();
    const parts = this.#parts;
    this.#parts = [];
    this.#length = 0;
    return parts;
  }

  #cut(): void {
    if (this.#end > this.#start) this.#parts.push(this.#slab.subarray(this.#start, this.#end) as Bytes);
    this.#start = this.#end;
  }
}
