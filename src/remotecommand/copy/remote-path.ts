import { posix } from 'node:path';
import { InvalidArgumentError } from '../../errors/index.js';

/** Where a file or folder of the container lies. */
export interface RemotePlace {
  readonly folder: string;
  /** Name in that folder; `.` for the folder itself. */
  readonly base: string;
}

/** @throws InvalidArgumentError for what cannot be a path. */
export function checkPath(kind: string, path: string): void {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new InvalidArgumentError(`not a path of a ${kind} file: ${JSON.stringify(path)}`);
  }
}

/** Whether the path can only be a folder's: it ends in `/`, `/.` or `/..`. */
export function meansFolder(path: string): boolean {
  return /(?:^|\/)\.{0,2}$/.test(path);
}

/** Whether the contents of a folder are meant, not the folder: the path ends in `/.`, as for cp(1). */
export function meansContents(path: string): boolean {
  return /(?:^|\/)\.\/*$/.test(path);
}

/** Splits a path for tar's `-C folder -- base`. A folder's own links are followed where the path ends in `/`. */
export function splitRemote(path: string): RemotePlace {
  const trimmed = path.replace(/\/+$/, '');
  const base = posix.basename(trimmed);
  if (base === '' || base === '.' || base === '..') return { folder: path, base: '.' };
  return { folder: posix.dirname(trimmed), base };
}
