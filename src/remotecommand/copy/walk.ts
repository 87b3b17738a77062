import type { Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CopyError, local } from './error.js';
import type { Tally } from './tally.js';

/** A file, folder, link or anything else of this machine. */
export interface LocalEntry {
  readonly path: string;
  /** Name in the archive. */
  readonly name: string;
  /** What it is called towards the user. Default: `name`. */
  readonly label?: string;
  readonly stats: Stats;
}

/** How a tree is walked. */
export interface WalkOptions {
  readonly followLinks: boolean;
  readonly tally: Tally;
}

/**
 * Everything in a folder and below, parents before children, with at most one folder open per level. What disappears
 * meanwhile is passed over with a warning.
 */
export async function* walk(
  folder: string,
  prefix: string,
  options: WalkOptions,
  above: readonly string[] = [],
): AsyncGenerator<LocalEntry, void, undefined> {
  const { followLinks, tally } = options;
  const inside = followLinks ? [...above, await local(folder, async () => identity(await stat(folder)))] : above;
  // The iterator closes the folder, also when it is left early.
  for await (const { name } of await local(folder, () => opendir(folder))) {
    const path = join(folder, name);
    const entry = { path, name: prefix === '' ? name : `${prefix}/${name}` };
    const stats = await look(path, followLinks);
    if (stats === undefined) {
      // A name that is not UTF-8 comes out with replacement characters, and is not found by these.
      if (name.includes('\uFFFD')) throw new CopyError('local-file', `the name is not UTF-8: ${path}`, { path });
      tally.warn('disappeared while its folder was copied', entry.name);
      continue;
    }
    if (followLinks && stats.isDirectory() && inside.includes(identity(stats))) {
      tally.warn('left out: a link to a folder that it is in', entry.name);
      continue;
    }
    yield { ...entry, stats };
    if (stats.isDirectory()) yield* walk(path, entry.name, options, inside);
  }
}

async function look(path: string, followLinks: boolean): Promise<Stats | undefined> {
  try {
    if (followLinks) {
      const stats = await stat(path).catch(notFound);
      // A link that leads nowhere stays a link.
      if (stats !== undefined) return stats;
    }
    return await lstat(path).catch(notFound);
  } catch (error) {
    return local(path, () => Promise.reject(error));
  }
}

function notFound(error: unknown): undefined {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
  throw error;
}

function identity({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}
