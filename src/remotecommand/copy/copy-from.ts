import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { RemoteCommandTarget } from '../client-types.js';
import { Destination } from './destination.js';
import { tarEntries, type TarEntry } from './entries.js';
import { entrySegments, segmentsBelow, staysInside } from './entry-path.js';
import { CopyError } from './error.js';
import { checkCopyOptions, type CopyResult, type CopyTreeOptions } from './options.js';
import { commandOutput } from './remote-command.js';
import { checkPath, meansFolder, splitRemote, type RemotePlace } from './remote-path.js';
import { Tally } from './tally.js';

/**
 * Copies a file or folder out of a container, as `kubectl cp` does, by a tar that runs there.
 *
 * A `localPath` that is a folder, or ends in `/`, is the folder to put the copy into, under the source's name; any other
 * is the name of the copy. Folders that are missing are made. A `remotePath` that ends in `/.` stands for what is in the
 * folder, and `localPath` for the folder to put it into. What exists there is replaced file by file, and folders are
 * merged.
 *
 * Permissions (without set-user-id and the like), times and hard links are kept. Each file has a temporary name
 * (`.trunkline-….partial`) until it is whole; when the copy fails, the one that is not is removed. Nothing is gathered in
 * memory.
 *
 * The archive is not trusted: nothing is written outside the destination, or through a symbolic link in it. An archive
 * that tries fails the copy. Symbolic links are made when they cannot lead outside, and left out with a warning when they
 * could; so are sockets, pipes and devices.
 *
 * Needs the optional package `tar-stream` here, and `tar` in the container, GNU's or BusyBox's; no shell is involved.
 *
 * Resolves when tar has exited with 0 and everything is in place. Rejects with MissingPackageError; CopyError; what
 * `exec` rejects with, ConnectionLostError among it; the signal's reason. What was whole by then stays.
 */
export async function copyFrom(
  target: RemoteCommandTarget,
  remotePath: string,
  localPath: string,
  options: CopyTreeOptions = {},
): Promise<CopyResult> {
  checkCopyOptions(options);
  checkPath('local', localPath);
  checkPath('remote', remotePath);
  options.signal?.throwIfAborted();
  const tally = new Tally(options);
  const from = splitRemote(remotePath);
  const { folder, prefix } = await placeFor(from.base, localPath);
  const destination = new Destination(folder);
  let entries = 0;
  for await (const entry of tarEntries(archiveOf(target, from, options, tally))) {
    const segments = segmentsBelow(from.base, entry.name);
    if (entry.type === 'symlink' && segments.length === 0) throw isLink(remotePath);
    await put(destination, { from, prefix, segments }, entry, tally);
    entries++;
  }
  if (entries === 0) throw new CopyError('bad-archive', 'the archive is empty', { initiator: 'remote' });
  await destination.finish();
  return tally.result;
}

/**
 * Reads one file of a container. The stream ends only when the file is whole and tar has exited with 0; until then it
 * may still fail, with what {@link copyFrom} rejects with. Destroying it ends the session.
 */
export function copyStreamFrom(
  target: RemoteCommandTarget,
  remotePath: string,
  options: CopyTreeOptions = {},
): Readable {
  checkCopyOptions(options);
  checkPath('remote', remotePath);
  return Readable.from(fileOf(target, remotePath, options), { objectMode: false });
}

/**
 * The tar archive of a file or folder of a container, as its tar makes it: names begin with the last name of
 * `remotePath`, or with `./` where that ends in `/.`. The stream ends only when tar has exited with 0; otherwise as
 * {@link copyStreamFrom}, but without need for `tar-stream`.
 */
export function copyTarFrom(target: RemoteCommandTarget, remotePath: string, options: CopyTreeOptions = {}): Readable {
  checkCopyOptions(options);
  checkPath('remote', remotePath);
  const archive = archiveOf(target, splitRemote(remotePath), options, new Tally(options));
  return Readable.from(archive, { objectMode: false });
}

function archiveOf(
  target: RemoteCommandTarget,
  { folder, base }: RemotePlace,
  options: CopyTreeOptions,
  tally: Tally,
): AsyncGenerator<Buffer, void, undefined> {
  const command = ['tar', options.followLinks === true ? 'chf' : 'cf', '-', '-C', folder, '--', base];
  return commandOutput(target, command, options, (line) => tally.warn(line));
}

async function* fileOf(
  target: RemoteCommandTarget,
  remotePath: string,
  options: CopyTreeOptions,
): AsyncGenerator<Buffer, void, undefined> {
  const tally = new Tally(options);
  const from = splitRemote(remotePath);
  let files = 0;
  for await (const { name, type, size, body } of tarEntries(archiveOf(target, from, options, tally))) {
    if (type === 'symlink') throw isLink(remotePath);
    if (!isFile(type) || segmentsBelow(from.base, name).length > 0 || from.base === '.' || files++ > 0) {
      throw new CopyError('bad-archive', `not a file: ${remotePath}`, { path: remotePath, initiator: 'remote' });
    }
    tally.begin(name, size);
    for await (const chunk of body) {
      yield chunk;
      tally.add(chunk.length);
    }
    tally.done();
  }
  if (files === 0) throw new CopyError('bad-archive', 'the archive is empty', { initiator: 'remote' });
}

/** Where an entry comes from and goes to. */
interface EntryPlace {
  readonly from: RemotePlace;
  /** What the copy is called, where it has a name. */
  readonly prefix: readonly string[];
  /** The entry's place in the copy. */
  readonly segments: readonly string[];
}

async function put(destination: Destination, place: EntryPlace, entry: TarEntry, tally: Tally): Promise<void> {
  const { from, prefix, segments } = place;
  const to = [...prefix, ...segments];
  const { name, type, link } = entry;
  if (to.length === 0 && type !== 'directory') {
    throw new CopyError('bad-archive', 'what should be a folder is none', { path: name, initiator: 'remote' });
  }
  if (type === 'directory') await destination.folder(to, entry);
  else if (isFile(type)) {
    tally.begin(name, segments.length === 0 ? entry.size : undefined);
    await destination.file(to, entry, (bytes) => tally.add(bytes));
    tally.done();
  } else if (type === 'link') {
    await destination.hardLink(to, [...prefix, ...segmentsBelow(from.base, link)], entry);
    tally.begin(name);
    tally.done();
  } else if (type === 'symlink') {
    if (staysInside(segments, link)) await destination.symlink(to, entry);
    else tally.warn(`left out: a symbolic link that leads, or may lead, outside: ${link}`, name);
  } else tally.warn(`left out: neither a file, a folder nor a link (${type})`, name);
}

function isFile(type: string): boolean {
  return type === 'file' || type === 'contiguous-file';
}

async function placeFor(
  base: string,
  localPath: string,
): Promise<{ readonly folder: string; readonly prefix: readonly string[] }> {
  if (base === '.') return { folder: localPath, prefix: [] };
  // The name comes from the caller, but may be one that this system reads as a path.
  const into = meansFolder(localPath) || (await isFolder(localPath));
  if (into) return { folder: localPath, prefix: entrySegments(base) };
  const path = resolve(localPath);
  return { folder: dirname(path), prefix: [basename(path)] };
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (stats) => stats.isDirectory(),
    () => false,
  );
}

function isLink(remotePath: string): CopyError {
  return new CopyError('bad-archive', `${remotePath} is a symbolic link: set followLinks to copy what it points to`, {
    path: remotePath,
    initiator: 'remote',
  });
}
