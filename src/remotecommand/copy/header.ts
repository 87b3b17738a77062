/** What an archive says of a file, folder or link. */
export interface EntryHeader {
  readonly name: string;
  readonly type: 'file' | 'folder' | 'symlink';
  /** Permission bits. */
  readonly mode: number;
  /** Milliseconds since 1970. */
  readonly mtime: number;
  /** Bytes of contents; 0 for all but files. */
  readonly size: number;
  /** What a symbolic link points to. */
  readonly link?: string;
}

const BLOCK = 512;
const TYPEFLAGS = { file: '0', symlink: '2', folder: '5', longLink: 'K', longName: 'L' } as const;
/** Archives end in two blocks of zeros. */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(2 * BLOCK);

/** The zeros that fill the last block of `size` bytes. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/**
 * The header blocks of an entry, in the GNU format (tar manual, "Basic Tar Format"): names are plain UTF-8, and long
 * ones come in an entry before. Unlike pax headers, which tar-stream and Go write for both, BusyBox reads these as well.
 */
export function encodeHeader(header: EntryHeader): Buffer {
  const name = Buffer.from(header.type === 'folder' ? `${header.name}/` : header.name);
  const link = Buffer.from(header.link ?? '');
  return Buffer.concat([
    ...(link.length > 100 ? longString(TYPEFLAGS.longLink, link) : []),
    ...(name.length > 100 ? longString(TYPEFLAGS.longName, name) : []),
    block(TYPEFLAGS[header.type], name, link, header),
  ]);
}

function longString(typeflag: string, text: Buffer): Buffer[] {
  const size = text.length + 1;
  const name = Buffer.from('././@LongLink');
  return [block(typeflag, name, Buffer.alloc(0), { mode: 0, mtime: 0, size }), text, Buffer.alloc(1), padding(size)];
}

function block(
  typeflag: string,
  name: Buffer,
  link: Buffer,
  { mode, mtime, size }: Pick<EntryHeader, 'mode' | 'mtime' | 'size'>,
): Buffer {
  const bytes = Buffer.alloc(BLOCK);
  name.copy(bytes, 0, 0, 100);
  number(bytes, 100, 8, mode & 0o7777);
  number(bytes, 108, 8, 0);
  number(bytes, 116, 8, 0);
  number(bytes, 124, 12, size);
  number(bytes, 136, 12, Math.max(0, Math.floor(mtime / 1000)));
  bytes.write(typeflag, 156);
  link.copy(bytes, 157, 0, 100);
  bytes.write('ustar  \0', 257);
  // The checksum counts its own field as blanks.
  bytes.fill(' ', 148, 156);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return bytes;
}

/** Octal digits, or the bytes themselves behind a set top bit where these do not fit. */
function number(bytes: Buffer, offset: number, length: number, value: number): void {
  const digits = value.toString(8);
  if (digits.length < length) {
    bytes.write(digits.padStart(length - 1, '0'), offset);
    return;
  }
  bytes.writeBigUInt64BE(BigInt(value), offset + length - 8);
  bytes.writeUInt8(0x80, offset);
}
