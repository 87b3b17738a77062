import { constants, crc32, deflateRawSync } from 'node:zlib';
import { appendCrc, crcShift } from './crc32.js';

/** Compressed, and how a response wants its bytes: in chunks of HTTP/1.1 (RFC 9112, 7.1) or as they are. */
export interface Form {
  readonly gzip: boolean;
  readonly chunked: boolean;
}

const NO_BYTES = Buffer.alloc(0);
/** Fewer bytes would hardly become less, and making a compressor costs more than sending them. */
const LEAST_TO_DEFLATE = 128;
/** Repetitive text becomes as small as with the default, in a third of the time. */
const LEVEL = 3;

/**
 * Bytes that many clients are sent, in every form that one of them needs. Each form is made once, when it is first asked
 * for, and shared; nobody changes them.
 *
 * Compressed they are whole DEFLATE blocks that look back at nothing before them and end at a byte (a sync flush), so that
 * they can follow whatever a client was sent before. Each client has its own gzip header and trailer around such blocks.
 */
export class Payload {
  readonly bytes: Buffer;
  #chunk: Buffer | undefined;
  #deflated: Buffer | undefined;
  #deflatedChunk: Buffer | undefined;
  #crc = 0;
  #shift = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  static of(text: string): Payload {
    return new Payload(Buffer.from(text));
  }

  form({ gzip, chunked }: Form): Buffer {
    if (!gzip) return chunked ? (this.#chunk ??= chunkOf(this.bytes)) : this.bytes;
    this.#deflated ??= deflate(this.bytes);
    return chunked ? (this.#deflatedChunk ??= chunkOf(this.#deflated)) : this.#deflated;
  }

  /** The CRC of what a client was sent before, and then of this. */
  crcBehind(crc: number): number {
    if (this.#shift === 0) {
      this.#crc = crc32(this.bytes);
      this.#shift = crcShift(this.bytes.length);
    }
    return appendCrc(crc, this.#shift, this.#crc);
  }
}

/** A chunk of HTTP/1.1. None for no bytes: an empty one would end the response. */
export function chunkOf(bytes: Buffer): Buffer {
  if (bytes.length === 0) return NO_BYTES;
  const head = `${bytes.length.toString(16)}\r\n`;
  const chunk = Buffer.allocUnsafe(head.length + bytes.length + 2);
  chunk.write(head, 0, 'latin1');
  bytes.copy(chunk, head.length);
  chunk.write('\r\n', head.length + bytes.length, 'latin1');
  return chunk;
}

function deflate(bytes: Buffer): Buffer {
  if (bytes.length === 0) return NO_BYTES;
  if (bytes.length < LEAST_TO_DEFLATE) return stored(bytes);
  return deflateRawSync(bytes, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
}

/** What a sync flush ends with: an empty block. Some decoders, Go's for one, pass on what they have only when it comes. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);

/** A block that is not compressed (RFC 1951, 3.2.4), flushed. */
function stored(bytes: Buffer): Buffer {
  const block = Buffer.allocUnsafe(5 + bytes.length + FLUSH.length);
  block[0] = 0;
  block.writeUInt16LE(bytes.length, 1);
  block.writeUInt16LE(0xffff - bytes.length, 3);
  bytes.copy(block, 5);
  FLUSH.copy(block, 5 + bytes.length);
  return block;
}

/** What a gzip member begins with (RFC 1952, 2.3): no name, no time, system unknown. */
export const GZIP_HEADER: Buffer = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** The end of a gzip member: an empty last block, the CRC and the length of what was compressed. */
export function gzipTrailer(crc: number, length: number): Buffer {
  const trailer = Buffer.from([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  trailer.writeUInt32LE(crc, 2);
  trailer.writeUInt32LE(length % 2 ** 32, 6);
  return trailer;
}
