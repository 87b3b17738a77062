import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function find(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('no package.json above the tests');
  return find(parent);
}

/** The folder of package.json, wherever the compiled test lies. */
export const projectRoot: string = find(dirname(fileURLToPath(import.meta.url)));
