import { ProtocolError } from '../../errors/index.js';
import { MAX_MESSAGE_BYTES } from '../protocol/codec.js';

/** Bytes of the length before each message, big endian. */
const HEAD_BYTES = 4;

/** The message with its length before it. */
export function framed(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  bytes.writeUInt32BE(message.length, 0);
  bytes.set(message, HEAD_BYTES);
  return bytes;
}

/** Puts messages together from chunks of any size. */
export class Deframer {
  readonly #message: (bytes: Uint8Array) => void;
  readonly #most: number;
  #head: Buffer = Buffer.alloc(0);
  #body: Buffer | undefined;
  #filled = 0;

  /** @param most Bytes of one message. */
  constructor(message: (bytes: Uint8Array) => void, most: number = MAX_MESSAGE_BYTES) {
    this.#message = message;
    this.#most = most;
  }

  /** @throws ProtocolError for a message that is too long: before anything is set aside for it. */
  push(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#body === undefined) {
        const missing = HEAD_BYTES - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#head.length < HEAD_BYTES) return;
        const length = this.#head.readUInt32BE(0);
        if (length > this.#most) {
          throw new ProtocolError(`a message of ${length} bytes is too long`, { initiator: 'remote' });
        }
        this.#head = Buffer.alloc(0);
        if (rest.length >= length) {
          this.#message(rest.subarray(0, length));
          rest = rest.subarray(length);
          continue;
        }
        this.#body = Buffer.allocUnsafe(length);
        this.#filled = 0;
      }
      const taken = rest.copy(this.#body, this.#filled);
      this.#filled += taken;
      rest = rest.subarray(taken);
      if (this.#filled < this.#body.length) return;
      const body = this.#body;
      this.#body = undefined;
      this.#message(body);
    }
  }
}
