import { randomBytes } from 'node:crypto';
import { rename, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { local } from './error.js';

/**
 * Makes something under a temporary name beside `path`, and gives it its name when it is whole; what is there is
 * replaced. When making fails, nothing is left.
 */
export async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.trunkline-${randomBytes(8).toString('hex')}.partial`);
  try {
    await make(temporary);
    await local(path, () => rename(temporary, path));
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}
