import { constants, inflateRawSync } from 'node:zlib';
import { LimitExceededError, ProtocolError } from '../../errors/index.js';
import type { Limits } from '../../limits/limits.js';
import { DICTIONARY, DICTIONARY_ID } from './dictionary.js';
import { PlaintextWindow } from './plaintext-window.js';

const ZLIB_HEAD_BYTES = 6;

/**
 * Decompresses header blocks, each on its own with the plaintext so far as dictionary; so only public synchronous zlib
 * is needed, and every block has an output bound. After an error the context is lost, and with it the connection.
 */
export class HeaderDecompressor {
  readonly #limits: Limits;
  readonly #window = new PlaintextWindow(DICTIONARY);
  #first = true;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** @throws ProtocolError when malformed, LimitExceededError when it inflates past `maxHeaderBytes`. */
  decompress(block: Buffer): Buffer {
    const body = this.#first ? withoutZlibHead(block) : block;
    this.#first = false;
    // Each block ends with the empty stored block of a sync flush; without it bits of the next would be in this one.
    if (body.length < 4 || body.readUInt32BE(body.length - 4) !== 0x0000ffff) {
      throw malformed('it does not end with a sync flush');
    }
    const plaintext = readStored(body) ?? this.#inflate(body);
    if (plaintext.length > this.#limits.maxHeaderBytes) throw this.#tooLarge();
    this.#window.push(plaintext);
    return plaintext;
  }

  #inflate(body: Buffer): Buffer {
    try {
      return inflateRawSync(body, {
        dictionary: this.#window.last,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: this.#limits.maxHeaderBytes,
        chunkSize: 1024,
      });
    } catch (error) {
      if (error instanceof RangeError) throw this.#tooLarge();
      throw malformed('it is not valid DEFLATE', error);
    }
  }

  #tooLarge(): LimitExceededError {
    const { maxHeaderBytes } = this.#limits;
    return new LimitExceededError('maxHeaderBytes', `header block inflates to more than ${maxHeaderBytes} bytes`, {
      initiator: 'remote',
    });
  }
}

function withoutZlibHead(block: Buffer): Buffer {
  if (block.length < ZLIB_HEAD_BYTES) throw malformed('it is too short for its zlib head');
  const start = block.readUInt16BE(0);
  // RFC 1950, 2.2: method 8, window at most 32 KiB, check bits, preset dictionary announced.
  if ((start & 0x0f00) !== 0x0800 || start >> 12 > 7 || start % 31 !== 0 || (start & 0x20) === 0) {
    throw malformed('its zlib head is invalid');
  }
  if (block.readUInt32BE(2) !== DICTIONARY_ID) throw malformed('it names another dictionary');
  return block.subarray(ZLIB_HEAD_BYTES);
}

/** Reads a body that is stored blocks only, as our own side sends; `undefined` when it is anything else. */
function readStored(body: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < body.length;) {
    if (body.length - offset < 5 || body[offset] !== 0) return undefined;
    const length = body.readUInt16LE(offset + 1);
    if ((length ^ 0xffff) !== body.readUInt16LE(offset + 3)) return undefined;
    offset += 5;
    if (length > body.length - offset) return undefined;
    if (length > 0) parts.push(body.subarray(offset, offset + length));
    offset += length;
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function malformed(what: string, cause?: unknown): ProtocolError {
  return new ProtocolError(`malformed compressed header block: ${what}`, { initiator: 'remote', cause });
}
