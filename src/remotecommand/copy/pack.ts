import { constants } from 'node:fs';
import { open, readlink, type FileHandle } from 'node:fs/promises';
import { InvalidArgumentError } from '../../errors/index.js';
import { CopyError, local } from './error.js';
import { END_OF_ARCHIVE, encodeHeader, padding, type EntryHeader } from './header.js';
import type { Tally } from './tally.js';
import { walk, type LocalEntry, type WalkOptions } from './walk.js';

const READ_BYTES = 64 * 1024;
const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = constants;

/** The archive of a file or folder: its entry under `name`, then all that is below. */
export async function* packTree(source: LocalEntry, options: WalkOptions): AsyncGenerator<Buffer, void, undefined> {
  yield* packEntry(source, options, true);
  if (source.stats.isDirectory()) yield* packContents(source.path, source.name, options);
  else yield END_OF_ARCHIVE;
}

/** The archive of what is in a folder, without the folder. */
export async function* packContents(
  folder: string,
  prefix: string,
  options: WalkOptions,
): AsyncGenerator<Buffer, void, undefined> {
  for await (const entry of walk(folder, prefix, options)) yield* packEntry(entry, options, false);
  yield END_OF_ARCHIVE;
}

async function* packEntry(
  entry: LocalEntry,
  { followLinks, tally }: WalkOptions,
  only: boolean,
): AsyncGenerator<Buffer, void, undefined> {
  const { path, name, stats } = entry;
  const header = { name, mode: stats.mode, mtime: stats.mtimeMs, size: 0 };
  if (stats.isFile()) yield* packFile(entry, followLinks, tally, only);
  else if (stats.isDirectory()) yield encodeHeader({ ...header, type: 'folder' });
  else if (stats.isSymbolicLink()) {
    yield encodeHeader({ ...header, type: 'symlink', mode: 0o777, link: await local(path, () => readlink(path)) });
  } else tally.warn('left out: neither a file, a folder nor a link', name);
}

async function* packFile(
  { path, name, label = name }: LocalEntry,
  followLinks: boolean,
  tally: Tally,
  only: boolean,
): AsyncGenerator<Buffer, void, undefined> {
  // It may have become something else since it was looked at: a pipe must not hold up the opening of it.
  const flags = O_RDONLY | (O_NONBLOCK ?? 0) | (followLinks ? 0 : (O_NOFOLLOW ?? 0));
  const handle = await local(path, () => open(path, flags));
  try {
    const stats = await local(path, () => handle.stat());
    if (!stats.isFile()) throw new CopyError('changed', `${path} is no file any more`, { path, initiator: 'local' });
    const { size, mode, mtimeMs: mtime } = stats;
    tally.begin(label, only ? size : undefined);
    yield* packBytes({ name, type: 'file', mode, mtime, size }, contents(handle, path, size), tally, label);
    if ((await local(path, () => handle.stat())).size > size) {
      tally.warn(`grew while it was copied; the first ${size} bytes are copied`, label);
    }
  } finally {
    await handle.close();
  }
}

/** One file's part of an archive. @throws CopyError `changed` when the source gives other than `header.size` bytes. */
export async function* packBytes(
  header: EntryHeader,
  source: AsyncIterable<Uint8Array | string>,
  tally: Tally,
  label: string = header.name,
): AsyncGenerator<Buffer, void, undefined> {
  const { size } = header;
  yield encodeHeader(header);
  let sent = 0;
  for await (const piece of source) {
    const chunk = bytesOf(piece);
    sent += chunk.length;
    if (sent > size) break;
    yield chunk;
    tally.add(chunk.length);
  }
  if (sent !== size) {
    const message = `${label} has ${sent > size ? 'more' : 'fewer'} bytes than the ${size} it had at first`;
    throw new CopyError('changed', message, { path: label, initiator: 'local' });
  }
  yield padding(size);
  tally.done();
}

/** The first `size` bytes of a file, or fewer when there are no more. */
async function* contents(handle: FileHandle, path: string, size: number): AsyncGenerator<Buffer, void, undefined> {
  for (let position = 0; position < size;) {
    const length = Math.min(READ_BYTES, size - position);
    const buffer = Buffer.allocUnsafeSlow(length);
    const { bytesRead } = await local(path, () => handle.read(buffer, 0, length, position));
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Streams that were given an encoding deliver text. */
function bytesOf(chunk: unknown): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk);
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  throw new InvalidArgumentError('the source gave a chunk that is neither bytes nor text');
}
