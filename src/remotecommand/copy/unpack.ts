import { randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { systemClock } from '../../clock/clock.js';
import type { RemoteCommandTarget } from '../client-types.js';
import { coalesce } from './coalesce.js';
import { CopyError } from './error.js';
import type { CopyFileOptions, CopyOptions } from './options.js';
import { checkEnd, isRemoteFolder, runCommand } from './remote-command.js';
import type { RemotePlace } from './remote-path.js';
import { Tally } from './tally.js';

/** Milliseconds to remove a file that was not finished. */
const CLEANUP_TIMEOUT = 5_000;

/** Has an archive unpacked in a folder of the container. Resolves when tar has exited with 0. */
export async function unpackThere(
  target: RemoteCommandTarget,
  folder: string,
  archive: AsyncIterable<Uint8Array>,
  options: CopyOptions,
  tally: Tally,
): Promise<void> {
  const command = ['tar', 'xpof', '-', '-C', folder];
  const end = await runCommand(target, command, options, { stdin: coalesce(archive), stdout: false });
  checkEnd(command, end, (line) => tally.warn(line));
}

/**
 * The same for an archive of one file, whose name in it is chosen here: with `atomic` it is a temporary one, until the file
 * is whole.
 */
export async function unpackFileThere(
  target: RemoteCommandTarget,
  { folder, base }: RemotePlace,
  archive: (name: string, tally: Tally) => AsyncIterable<Uint8Array>,
  options: CopyFileOptions,
): Promise<Tally> {
  const tally = new Tally(options);
  if (options.atomic !== true) {
    await unpackThere(target, folder, archive(base, tally), options, tally);
    return tally;
  }
  const path = posix.join(folder, base);
  if (await isRemoteFolder(target, path, options)) throw isFolder(path);
  const name = `.trunkline-${randomBytes(8).toString('hex')}.partial`;
  const temporary = posix.join(folder, name);
  try {
    await unpackThere(target, folder, archive(name, tally), options, tally);
    const move = ['mv', '-f', '--', temporary, path];
    checkEnd(move, await runCommand(target, move, options, { stdout: false }), (line) => tally.warn(line));
  } catch (error) {
    await remove(target, temporary, options);
    throw error;
  }
  return tally;
}

/** A file cannot take the place of a folder. */
export function isFolder(path: string): CopyError {
  return new CopyError('remote-command', `${path} is a folder of the container`, { path, initiator: 'local' });
}

/** As well as can be: the container may be out of reach by now. */
async function remove(target: RemoteCommandTarget, path: string, options: CopyOptions): Promise<void> {
  const late = new AbortController();
  const timer = (options.clock ?? systemClock).setTimeout(() => late.abort(), CLEANUP_TIMEOUT);
  const command = ['rm', '-f', '--', path];
  await runCommand(target, command, { ...options, signal: late.signal }, { stdout: false }).catch(() => {});
  timer.cancel();
}
