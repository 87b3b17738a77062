import { realpath, stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { systemWallClock } from '../../clock/wall.js';
import { InvalidArgumentError } from '../../errors/index.js';
import type { RemoteCommandTarget } from '../client-types.js';
import { CopyError, local } from './error.js';
import { END_OF_ARCHIVE } from './header.js';
import {
  checkCopyOptions,
  type CopyOptions,
  type CopyResult,
  type CopyStreamOptions,
  type CopyToOptions,
} from './options.js';
import { packBytes, packContents, packTree } from './pack.js';
import { isRemoteFolder } from './remote-command.js';
import { checkPath, meansContents, meansFolder, splitRemote, type RemotePlace } from './remote-path.js';
import { Tally } from './tally.js';
import { isFolder, unpackFileThere, unpackThere } from './unpack.js';

/**
 * Copies a file or folder of this machine into a container, as `kubectl cp` does, by a tar that runs there.
 *
 * A `remotePath` that is a folder, or ends in `/`, is the folder to put the copy into, under the source's name; any other
 * is the name of the copy, in a folder that exists. A `localPath` that ends in `/.` stands for what is in the folder, and
 * `remotePath` for the folder to put it into. What exists there is replaced file by file, and folders are merged.
 *
 * Permissions, times (in whole seconds) and symbolic links are kept, owners are not; a link named as the source is
 * followed. Sockets, pipes and devices are left out with a warning. A file that grows is copied as long as it was at
 * first; one that shrinks fails the copy. Needs `tar` and `test` in the container, GNU's or BusyBox's; no shell is
 * involved. Nothing is gathered in memory.
 *
 * Resolves when tar has exited with 0. Rejects with CopyError; what `exec` rejects with, ConnectionLostError among it;
 * the signal's reason. The container may then hold part of the copy; see `atomic`.
 */
export async function copyTo(
  target: RemoteCommandTarget,
  localPath: string,
  remotePath: string,
  options: CopyToOptions = {},
): Promise<CopyResult> {
  checkCopyOptions(options);
  checkPath('local', localPath);
  checkPath('remote', remotePath);
  options.signal?.throwIfAborted();
  const tally = new Tally(options);
  const walking = { followLinks: options.followLinks === true, tally };
  const stats = await local(localPath, () => stat(localPath));
  if (meansFolder(localPath) && !stats.isDirectory()) {
    throw new CopyError('local-file', `not a folder: ${localPath}`, { path: localPath, initiator: 'local' });
  }
  if (!stats.isFile() && !stats.isDirectory()) {
    throw new CopyError('local-file', `neither a file nor a folder: ${localPath}`, {
      path: localPath,
      initiator: 'local',
    });
  }
  if (options.atomic === true && stats.isDirectory()) {
    throw new InvalidArgumentError(`atomic is for single files, and this is a folder: ${localPath}`);
  }
  if (meansContents(localPath)) {
    if (!(await isRemoteFolder(target, remotePath, options))) throw noFolder(remotePath);
    await unpackThere(target, remotePath, packContents(localPath, '', walking), options, tally);
    return tally.result;
  }
  const place = await placeFor(target, basename(resolve(localPath)), remotePath, options);
  const path = await local(localPath, () => realpath(localPath));
  if (stats.isDirectory()) {
    await unpackThere(target, place.folder, packTree({ path, name: place.base, stats }, walking), options, tally);
    return tally.result;
  }
  const archive = (name: string, counted: Tally): AsyncIterable<Uint8Array> =>
    packTree({ path, name, label: place.base, stats }, { followLinks: false, tally: counted });
  return (await unpackFileThere(target, place, archive, options)).result;
}

/**
 * Writes a stream of exactly `size` bytes to a file of a container; otherwise as {@link copyTo}. `remotePath` is the name
 * of the file, in a folder that exists. The stream is destroyed when the copy fails.
 */
export async function copyStreamTo(
  target: RemoteCommandTarget,
  source: Readable | AsyncIterable<Uint8Array | string>,
  remotePath: string,
  options: CopyStreamOptions,
): Promise<CopyResult> {
  try {
    checkCopyOptions(options);
    const { size, mode = 0o644, mtime = systemWallClock.now() } = options;
    checkPath('remote', remotePath);
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new InvalidArgumentError(`size must be a whole number of bytes, not ${String(size)}`);
    }
    if (!Number.isInteger(mode) || mode < 0 || mode > 0o7777 || Number.isNaN(mtime.getTime())) {
      throw new InvalidArgumentError('mode must be permission bits, and mtime a valid date');
    }
    if (meansFolder(remotePath)) throw new InvalidArgumentError(`not the name of a file: ${remotePath}`);
    options.signal?.throwIfAborted();
    if (await isRemoteFolder(target, remotePath, options)) throw isFolder(remotePath);
    const place = splitRemote(remotePath);
    const header = { type: 'file', mode, mtime: mtime.getTime(), size } as const;
    async function* archive(name: string, tally: Tally): AsyncGenerator<Buffer, void, undefined> {
      tally.begin(place.base, size);
      yield* packBytes({ ...header, name }, source, tally, place.base);
      yield END_OF_ARCHIVE;
    }
    return (await unpackFileThere(target, place, archive, options)).result;
  } finally {
    if (source instanceof Readable) source.destroy();
  }
}

/**
 * Unpacks a tar archive in a folder of a container, which must exist. Resolves when tar has exited with 0; rejects as
 * {@link copyTo}. The archive's own owners are not kept.
 */
export async function copyTarTo(
  target: RemoteCommandTarget,
  archive: Readable | AsyncIterable<Uint8Array>,
  remoteFolder: string,
  options: CopyOptions = {},
): Promise<void> {
  try {
    checkCopyOptions(options);
    checkPath('remote', remoteFolder);
    await unpackThere(target, remoteFolder, archive, options, new Tally(options));
  } finally {
    if (archive instanceof Readable) archive.destroy();
  }
}

async function placeFor(
  target: RemoteCommandTarget,
  name: string,
  remotePath: string,
  options: CopyOptions,
): Promise<RemotePlace> {
  if (name === '') throw new InvalidArgumentError('the root folder has no name to be copied under; add /. to its path');
  if (meansFolder(remotePath) || (await isRemoteFolder(target, remotePath, options))) {
    return { folder: remotePath, base: name };
  }
  return splitRemote(remotePath);
}

function noFolder(path: string): CopyError {
  return new CopyError('remote-command', `not a folder of the container: ${path}`, { path, initiator: 'local' });
}
