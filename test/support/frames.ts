import { constants, createDeflate, createInflate, type Deflate, type Inflate } from 'node:zlib';
import { DICTIONARY } from '../../src/wire/spdy/dictionary.js';

// SPDY frames written and read without the code under test, apart from the dictionary, whose checksum is tested.

export const SYN_STREAM = 1;
export const SYN_REPLY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const HEADERS = 8;
export const WINDOW_UPDATE = 9;
export const FIN = 1;
export const UNIDIRECTIONAL = 2;

export type Fields = readonly (readonly [name: string, value: string])[];

/** 32-bit big-endian numbers. */
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4));
  return bytes;
}

/** A header block before compression; `count` can lie. */
export function headerBlock(fields: Fields, count: number = fields.length): Buffer {
  const parts = [words(count)];
  for (const field of fields) {
    for (const text of field) parts.push(words(Buffer.byteLength(text)), Buffer.from(text));
  }
  return Buffer.concat(parts);
}

export function control(type: number, flags: number, payload: Buffer, version = 3): Buffer {
  return Buffer.concat([words(0x80000000 + version * 0x10000 + type, flags * 0x1000000 + payload.length), payload]);
}

export function data(id: number, payload: string | Buffer = '', flags = 0): Buffer {
  const bytes = Buffer.from(payload);
  return Buffer.concat([words(id, flags * 0x1000000 + bytes.length), bytes]);
}

export function rst(id: number, code = 5, flags = 0): Buffer {
  return control(RST_STREAM, flags, words(id, code));
}

export function ping(id: number, flags = 0): Buffer {
  return control(PING, flags, words(id));
}

export function goAway(lastId: number, status = 0, flags = 0): Buffer {
  return control(GOAWAY, flags, words(lastId, status));
}

export function settings(
  entries: readonly (readonly [id: number, value: number])[],
  count: number = entries.length,
): Buffer {
  return control(SETTINGS, 0, Buffer.concat([words(count), ...entries.map(([id, value]) => words(id, value))]));
}

export function windowUpdate(id: number, delta: number, flags = 0): Buffer {
  return control(WINDOW_UPDATE, flags, words(id, delta));
}

/** The zlib head that announces the dictionary (RFC 1950, 2.2). */
export const ZLIB_HEAD: Buffer = Buffer.from('78f9e3c6a7c2', 'hex');

/** DEFLATE stored blocks, ended as a sync flush ends them (RFC 1951, 3.2.4). */
export function stored(block: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let offset = 0; offset < block.length; offset += 0xffff) {
    const part = block.subarray(offset, offset + 0xffff);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(part.length, 1);
    head.writeUInt16LE(0xffff - part.length, 3);
    parts.push(head, part);
  }
  return Buffer.concat([...parts, Buffer.from('000000ffff', 'hex')]);
}

/** Makes the frames of one sender, in sending order: header blocks share one zlib context, here of stored blocks. */
export class FrameFactory {
  #first = true;

  /** Compresses a block as the next of this sender. */
  compress(block: Buffer): Buffer {
    const head = this.#first ? ZLIB_HEAD : Buffer.alloc(0);
    this.#first = false;
    return Buffer.concat([head, stored(block)]);
  }

  synStream(id: number, fields: Fields = [], flags = 0, priority = 0): Buffer {
    return this.synStreamBlock(id, headerBlock(fields), flags, priority);
  }

  synStreamBlock(id: number, block: Buffer, flags = 0, priority = 0): Buffer {
    const head = Buffer.concat([words(id, 0), Buffer.from([priority << 5, 0])]);
    return control(SYN_STREAM, flags, Buffer.concat([head, this.compress(block)]));
  }

  synReply(id: number, fields: Fields = [], flags = 0): Buffer {
    return control(SYN_REPLY, flags, Buffer.concat([words(id), this.compress(headerBlock(fields))]));
  }

  headers(id: number, fields: Fields = [], flags = 0): Buffer {
    return control(HEADERS, flags, Buffer.concat([words(id), this.compress(headerBlock(fields))]));
  }
}

/** A frame as it came out of the code under test. */
export type ParsedFrame =
  | { readonly kind: 'data'; readonly id: number; readonly flags: number; readonly payload: Buffer }
  | {
      readonly kind: 'control';
      readonly version: number;
      readonly type: number;
      readonly flags: number;
      readonly payload: Buffer;
    };

/** Cuts bytes into whole frames; throws when the last is incomplete. */
export function parseFrames(bytes: Buffer): ParsedFrame[] {
  const frames: ParsedFrame[] = [];
  for (let at = 0; at < bytes.length;) {
    const first = bytes.readUInt32BE(at);
    const second = bytes.readUInt32BE(at + 4);
    const length = second & 0xffffff;
    const flags = second >>> 24;
    const payload = bytes.subarray(at + 8, at + 8 + length);
    if (payload.length !== length) throw new Error(`frame at ${at} wants ${length} bytes, there are ${payload.length}`);
    at += 8 + length;
    if (first < 0x80000000) frames.push({ kind: 'data', id: first, flags, payload });
    else frames.push({ kind: 'control', version: (first >>> 16) & 0x7fff, type: first & 0xffff, flags, payload });
  }
  return frames;
}

const NAMES: Readonly<Record<number, string>> = {
  [SYN_STREAM]: 'SYN_STREAM',
  [SYN_REPLY]: 'SYN_REPLY',
  [RST_STREAM]: 'RST_STREAM',
  [SETTINGS]: 'SETTINGS',
  [PING]: 'PING',
  [GOAWAY]: 'GOAWAY',
  [HEADERS]: 'HEADERS',
  [WINDOW_UPDATE]: 'WINDOW_UPDATE',
};

/** Frames as text, one line each: `SYN_REPLY 1`, `RST_STREAM 1 5`, `DATA 1 "abc" fin`. */
export function describeFrames(bytes: Buffer): string[] {
  return parseFrames(bytes).map((frame) => {
    if (frame.kind === 'data') {
      return `DATA ${frame.id} ${JSON.stringify(frame.payload.toString())}${frame.flags === FIN ? ' fin' : ''}`;
    }
    const name = NAMES[frame.type] ?? `type ${frame.type}`;
    const most = frame.type === RST_STREAM || frame.type === GOAWAY ? 8 : 4;
    const numbers: number[] = [];
    for (let at = 0; at < most && at + 4 <= frame.payload.length; at += 4) numbers.push(frame.payload.readUInt32BE(at));
    return `${name} ${numbers.join(' ')}`;
  });
}

/** Compresses blocks with one real zlib stream, flushed after each, as the original does. */
export class StreamingCompressor {
  readonly #deflate: Deflate;

  constructor(level: number) {
    this.#deflate = createDeflate({ level, dictionary: DICTIONARY });
  }

  async compress(block: Buffer): Promise<Buffer> {
    this.#deflate.write(block);
    await new Promise<void>((resolve) => this.#deflate.flush(constants.Z_SYNC_FLUSH, resolve));
    return readAll(this.#deflate);
  }

  close(): void {
    this.#deflate.close();
  }
}

/** Decompresses blocks with one real zlib stream. */
export class StreamingDecompressor {
  readonly #inflate: Inflate = createInflate({ dictionary: DICTIONARY, finishFlush: constants.Z_SYNC_FLUSH });

  async decompress(block: Buffer): Promise<Buffer> {
    await new Promise<void>((resolve, reject) => {
      this.#inflate.once('error', reject);
      this.#inflate.write(block, () => {
        this.#inflate.off('error', reject);
        resolve();
      });
    });
    return readAll(this.#inflate);
  }

  close(): void {
    this.#inflate.close();
  }
}

/** All that is there: from Node 26 on `read()` gives one chunk. */
function readAll(stream: Deflate | Inflate): Buffer {
  return (stream.read(stream.readableLength) as Buffer | null) ?? Buffer.alloc(0);
}
