import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder; disposing removes it with all that is in it. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), 'trunkline-test-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** What is below a folder: name → kind, permission bits, and digest or link target; with `times`, also whole seconds. */
export function listing(folder: string, times = false): Record<string, string> {
  const found: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const path = join(folder, name);
    const stats = lstatSync(path);
    const mode = (stats.mode & 0o7777).toString(8);
    const kind = stats.isDirectory()
      ? `folder ${mode}`
      : stats.isSymbolicLink()
        ? `link to ${readlinkSync(path)}`
        : stats.isFile()
          ? `file ${mode} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`
          : `other ${mode}`;
    found[name] = times ? `${kind} ${Math.floor(stats.mtimeMs / 1000)}` : kind;
  }
  return found;
}
