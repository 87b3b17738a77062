import { constants, deflateRawSync } from 'node:zlib';
import { DICTIONARY, DICTIONARY_ID } from './dictionary.js';
import { PlaintextWindow } from './plaintext-window.js';

const STORED_MAX = 0xffff;
const STORED_HEAD_BYTES = 5;
const SYNC_MARKER = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]);

/**
 * Compresses header blocks: one zlib stream for the life of the connection, flushed after each block.
 *
 * Level 0, the default, writes DEFLATE stored blocks by hand (RFC 1951, 3.2.4): no zlib call, and no length that
 * depends on what a header says beside a secret (CRIME). Other levels compress as the original does.
 */
export class HeaderCompressor {
  readonly #level: number;
  readonly #window: PlaintextWindow | undefined;
  #first = true;

  /** @param level 0 to 9, as in zlib. */
  constructor(level = 0) {
    this.#level = level;
    this.#window = level === 0 ? undefined : new PlaintextWindow(DICTIONARY);
  }

  compress(block: Buffer): Buffer {
    const body = this.#window === undefined ? storedBlocks(block) : this.#deflate(block, this.#window);
    if (!this.#first) return body;
    this.#first = false;
    return Buffer.concat([zlibHead(this.#level), body]);
  }

  #deflate(block: Buffer, window: PlaintextWindow): Buffer {
    const body = deflateRawSync(block, {
      level: this.#level,
      dictionary: window.last,
      finishFlush: constants.Z_SYNC_FLUSH,
    });
    window.push(block);
    return body;
  }
}

function zlibHead(level: number): Buffer {
  const head = Buffer.alloc(6);
  // RFC 1950, 2.2: CM 8 with a 32 KiB window; FLEVEL, FDICT, and a check that makes the first two bytes a multiple of 31.
  const flevel = level === 0 ? 0 : level < 6 ? 1 : level === 6 ? 2 : 3;
  const start = 0x7800 | (flevel << 6) | 0x20;
  head.writeUInt16BE(start + ((31 - (start % 31)) % 31), 0);
  head.writeUInt32BE(DICTIONARY_ID, 2);
  return head;
}

/** Stored blocks and the empty one of a sync flush, in one buffer: this runs for every stream. */
function storedBlocks(block: Buffer): Buffer {
  const count = Math.ceil(block.length / STORED_MAX);
  const body = Buffer.allocUnsafe(block.length + count * STORED_HEAD_BYTES + SYNC_MARKER.length);
  let at = 0;
  for (let offset = 0; offset < block.length; offset += STORED_MAX) {
    const end = Math.min(block.length, offset + STORED_MAX);
    at = body.writeUInt8(0, at);
    at = body.writeUInt16LE(end - offset, at);
    at = body.writeUInt16LE(~(end - offset) & 0xffff, at);
    at += block.copy(body, at, offset, end);
  }
  SYNC_MARKER.copy(body, at);
  return body;
}
