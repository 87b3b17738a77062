import { crc32 } from 'node:zlib';
import { ProtocolError } from '../../errors/index.js';
import { MAX_MESSAGE_BYTES } from '../protocol/codec.js';

/** Bytes before each message: three of its length, one that checks these, and its CRC-32; big endian. */
const HEAD_BYTES = 8;
const CHECK = 0x5a;

/** The longest message whose framing is kept: batches of events, which go over all links one after the other. */
const MOST_KEPT = 256 * 1024;

let newest: { readonly message: Uint8Array; readonly bytes: Buffer } | undefined;

/**
 * The message with its head before it. TCP's own checksum lets one in some ten million damaged packets pass, and what is
 * changed in a message may still be one: a number that is too high would have events taken for lost.
 */
export function framed(message: Uint8Array): Buffer {
  if (newest?.message === message) return newest.bytes;
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + message.length);
  bytes.writeUInt32BE(headOf(message.length), 0);
  bytes.writeUInt32BE(crc32(message), 4);
  bytes.set(message, HEAD_BYTES);
  newest = message.length > MOST_KEPT ? undefined : { message, bytes };
  return bytes;
}

/** Puts messages together from chunks of any size. */
export class Deframer {
  readonly #message: (bytes: Uint8Array) => void;
  readonly #most: number;
  /** A head of which a part has come. */
  readonly #head = Buffer.alloc(HEAD_BYTES);
  #headFilled = 0;
  #body: Buffer | undefined;
  #crc = 0;
  #filled = 0;

  /** @param most Bytes of one message. */
  constructor(message: (bytes: Uint8Array) => void, most: number = MAX_MESSAGE_BYTES) {
    this.#message = message;
    this.#most = most;
  }

  /** @throws ProtocolError for a message that is too long, before anything is set aside for it, or that was damaged. */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#body === undefined) {
        const whole = this.#headFilled === 0 && chunk.length - at >= HEAD_BYTES;
        const taken = whole ? HEAD_BYTES : chunk.copy(this.#head, this.#headFilled, at);
        const head = whole ? chunk : this.#head;
        const start = whole ? at : 0;
        at += taken;
        if (!whole) {
          this.#headFilled += taken;
          if (this.#headFilled < HEAD_BYTES) return;
          this.#headFilled = 0;
        }
        const length = this.#lengthOf(head.readUInt32BE(start));
        this.#crc = head.readUInt32BE(start + 4);
        if (chunk.length - at >= length) {
          this.#take(chunk.subarray(at, at + length));
          at += length;
          continue;
        }
        this.#body = Buffer.allocUnsafe(length);
        this.#filled = 0;
      }
      const taken = chunk.copy(this.#body, this.#filled, at);
      this.#filled += taken;
      at += taken;
      if (this.#filled < this.#body.length) return;
      const body = this.#body;
      this.#body = undefined;
      this.#take(body);
    }
  }

  /** At once: waiting for as much as a damaged length says would look like a peer that is silent. */
  #lengthOf(first: number): number {
    const length = first >>> 8;
    if (headOf(length) !== first) throw new ProtocolError('the head of a message is damaged', { initiator: 'remote' });
    if (length > this.#most) {
      throw new ProtocolError(`a message of ${length} bytes is too long`, { initiator: 'remote' });
    }
    return length;
  }

  #take(message: Buffer): void {
    if (crc32(message) !== this.#crc) throw new ProtocolError('a message is damaged', { initiator: 'remote' });
    this.#message(message);
  }
}

function headOf(length: number): number {
  const check = CHECK ^ (length & 0xff) ^ ((length >>> 8) & 0xff) ^ ((length >>> 16) & 0xff);
  return ((length << 8) | check) >>> 0;
}
