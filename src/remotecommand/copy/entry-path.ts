import { sep } from 'node:path';
import { CopyError } from './error.js';

/**
 * The names on the way to an entry, from what its archive calls it.
 *
 * @throws CopyError `unsafe-entry` for a name that could lead out of the folder that it is put into.
 */
export function entrySegments(name: string): string[] {
  const segments = name.split('/').filter((segment) => segment !== '' && segment !== '.');
  // On Windows these end a name, or begin a stream or a drive.
  const foreign = sep === '\\' && /[\\:]/.test(name);
  if (name.startsWith('/') || name.includes('\0') || foreign || segments.includes('..'))
    throw unsafe(name, 'leads out');
  return segments;
}

/**
 * The same, below what was asked for: `base/…`, or `./…` where its contents were.
 *
 * @throws CopyError `bad-archive` for an entry that was not asked for.
 */
export function segmentsBelow(base: string, name: string): string[] {
  const segments = entrySegments(name);
  if (base === '.') return segments;
  if (segments[0] !== base) {
    throw new CopyError('bad-archive', `not asked for, but in the archive: ${JSON.stringify(name)}`, {
      path: name,
      initiator: 'remote',
    });
  }
  return segments.slice(1);
}

/**
 * Whether a symbolic link at `segments` stays inside, for sure: it goes up only at its beginning, and no further than
 * the folder that everything is put into. Up from a real folder leads where its name says; up after another link would
 * not.
 */
export function staysInside(segments: readonly string[], link: string): boolean {
  if (link === '' || link.startsWith('/') || link.includes('\0') || (sep === '\\' && /[\\:]/.test(link))) return false;
  const steps = link.split('/').filter((step) => step !== '' && step !== '.');
  const up = steps.findIndex((step) => step !== '..');
  const ups = up === -1 ? steps.length : up;
  return ups <= segments.length - 1 && !steps.slice(ups).includes('..');
}

/** An entry whose place is outside, or may be. */
export function unsafe(name: string, why: string): CopyError {
  return new CopyError('unsafe-entry', `refused, because it ${why}: ${JSON.stringify(name)}`, {
    path: name,
    initiator: 'remote',
  });
}
