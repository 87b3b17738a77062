import type { Stats } from 'node:fs';
import { chmod, link, lstat, lutimes, mkdir, open, symlink, utimes, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BlockWriter } from './block-writer.js';
import { CopyError, local, localFailure } from './error.js';
import type { TarEntry } from './entries.js';
import { unsafe } from './entry-path.js';
import { replace } from './temporary.js';

/** A folder that entries are being put into. */
interface OpenFolder {
  readonly name: string;
  readonly path: string;
  /** What to give it once its entries are there: a folder may forbid writing, and every new entry changes its time. */
  attributes?: Pick<TarEntry, 'mode' | 'mtime'>;
}

/**
 * Puts the entries of an archive into a folder: files under a temporary name until they are whole, nothing through
 * symbolic links, whether they were there before or came out of the archive.
 */
export class Destination {
  readonly #root: string;
  /** The folders that the last entry was in, from the root's child down; each is known to be a real one. */
  readonly #open: OpenFolder[] = [];

  readonly #writer = new BlockWriter();
  #made = false;

  /** @param root the folder to put everything into; it, and the ones above it, are made when something comes. */
  constructor(root: string) {
    this.#root = root;
  }

  async folder(segments: readonly string[], entry: TarEntry): Promise<void> {
    await this.#enter(segments, entry.name);
    const folder = this.#open.at(-1);
    if (folder === undefined) return;
    // Until then we must be able to write there.
    await local(folder.path, () => chmod(folder.path, entry.mode | 0o700));
    folder.attributes = entry;
  }

  async file(segments: readonly string[], entry: TarEntry, wrote: (bytes: number) => void): Promise<void> {
    const path = await this.#place(segments, entry.name);
    await replace(path, async (temporary) => {
      const handle = await local(path, () => open(temporary, 'wx', 0o600));
      try {
        await this.#fill(handle, path, entry, wrote);
        await local(path, () => handle.chmod(entry.mode));
        await local(path, () => handle.utimes(entry.mtime, entry.mtime));
      } finally {
        await handle.close();
      }
    });
  }

  /** The target must be safe; see `staysInside`. */
  async symlink(segments: readonly string[], entry: TarEntry): Promise<void> {
    const path = await this.#place(segments, entry.name);
    await replace(path, async (temporary) => {
      await local(path, () => symlink(entry.link, temporary));
      await local(path, () => lutimes(temporary, entry.mtime, entry.mtime));
    });
  }

  /** A second name for a file that came before. */
  async hardLink(segments: readonly string[], original: readonly string[], entry: TarEntry): Promise<void> {
    const path = await this.#place(segments, entry.name);
    for (let i = 1; i <= original.length; i++) {
      const part = join(this.#root, ...original.slice(0, i));
      const stats = await local(part, () => lstat(part));
      const expected = i === original.length ? stats.isFile() : stats.isDirectory();
      if (!expected) throw unsafe(entry.name, 'is a hard link to something else than a file of the archive');
    }
    const from = join(this.#root, ...original);
    await replace(path, (temporary) => local(path, () => link(from, temporary)));
  }

  /** Gives the last folders their attributes. */
  async finish(): Promise<void> {
    await this.#leaveTo(0);
  }

  async #fill(handle: FileHandle, path: string, entry: TarEntry, wrote: (bytes: number) => void): Promise<void> {
    let length = 0;
    this.#writer.clear();
    for await (const chunk of entry.body) {
      await local(path, () => this.#writer.write(handle, chunk));
      length += chunk.length;
      wrote(chunk.length);
    }
    await local(path, () => this.#writer.flush(handle));
    if (length !== entry.size) {
      throw new CopyError('bad-archive', `${entry.name} has ${length} bytes instead of ${entry.size}`, { path });
    }
  }

  async #place(segments: readonly string[], name: string): Promise<string> {
    await this.#enter(segments.slice(0, -1), name);
    return join(this.#root, ...segments);
  }

  /** Makes sure that all of these are real folders, and leaves the ones that are not among them. */
  async #enter(segments: readonly string[], name: string): Promise<void> {
    if (!this.#made) await local(this.#root, () => mkdir(this.#root, { recursive: true }));
    this.#made = true;
    let common = 0;
    while (common < segments.length && this.#open[common]?.name === segments[common]) common++;
    await this.#leaveTo(common);
    for (let i = common; i < segments.length; i++) {
      const path = join(this.#root, ...segments.slice(0, i + 1));
      await this.#ensureFolder(path, name);
      this.#open.push({ name: segments[i] ?? '', path });
    }
  }

  async #ensureFolder(path: string, name: string): Promise<void> {
    const stats = await local(path, () => lstatIfAny(path));
    if (stats === undefined) await local(path, () => mkdir(path));
    else if (stats.isSymbolicLink()) throw unsafe(name, `goes through the symbolic link ${path}`);
    else if (!stats.isDirectory()) throw localFailure(path, new Error(`not a folder: ${path}`));
  }

  async #leaveTo(depth: number): Promise<void> {
    while (this.#open.length > depth) {
      const { path, attributes } = this.#open.pop() ?? { path: '' };
      if (attributes === undefined) continue;
      await local(path, () => chmod(path, attributes.mode));
      await local(path, () => utimes(path, attributes.mtime, attributes.mtime));
    }
  }
}

async function lstatIfAny(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
