import { DEFAULT_LIMITS } from '../../limits/limits.js';

/** A full data message with its channel byte. */
const MESSAGE_BYTES = DEFAULT_LIMITS.maxDataFrameOut + 1;
/** Shorter ones come from Node's own pool, or cost little to allocate. */
const LEAST_BYTES = 16 * 1024;
const MAX_FREE = 16;

/**
 * Keeps the memory of large messages for the next ones, for all connections together. The first touch of fresh memory
 * costs more than copying a payload into memory that is in the cache.
 */
export class MessagePool {
  readonly #free: ArrayBufferLike[] = [];

  /** Memory for a message, with unknown content. */
  take(length: number): Buffer {
    if (length < LEAST_BYTES || length > MESSAGE_BYTES) return Buffer.allocUnsafe(length);
    const memory = this.#free.pop() ?? Buffer.allocUnsafeSlow(MESSAGE_BYTES).buffer;
    return Buffer.from(memory, 0, length);
  }

  /** Takes a message back that nobody reads any more; does nothing for one from elsewhere. */
  give({ buffer }: Buffer): void {
    if (buffer.byteLength === MESSAGE_BYTES && this.#free.length < MAX_FREE) this.#free.push(buffer);
  }
}

/** The pool of the process. */
export const messagePool: MessagePool = new MessagePool();
