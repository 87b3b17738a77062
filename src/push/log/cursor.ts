import { fromBase62, isBase62, toBase62 } from './base62.js';
import { InvalidCursorError } from './errors.js';

/** Characters of the id of an origin. 62^8 of them make an accidental meeting of two runs unlikely. */
export const ORIGIN_LENGTH = 8;
/** Digits of the largest safe integer. */
const LONGEST_NUMBER = 9;

/** Highest number that was seen, by origin. */
export type Vector = ReadonlyMap<string, number>;

/** Whether this is the id of an origin: 8 characters of base 62. */
export function isOrigin(text: string): boolean {
  return text.length === ORIGIN_LENGTH && isBase62(text);
}

/** The longest text that a cursor with so many entries has. */
export function longestCursor(entries: number): number {
  return entries * (ORIGIN_LENGTH + LONGEST_NUMBER + 1) - 1;
}

/** One entry of a cursor: the origin, then its highest number in base 62. */
export function cursorEntry(origin: string, n: number): string {
  return origin + toBase62(n);
}

/**
 * The text of a vector: its entries in the order of their origins, joined by dots. Each vector has one text, which holds
 * nothing but letters, digits and dots: safe in headers, queries and ids, and safelisted by CORS up to 128 bytes.
 */
export function formatCursor(vector: Vector): string {
  const entries: string[] = [];
  for (const [origin, n] of vector) entries.push(cursorEntry(origin, n));
  return entries.toSorted().join('.');
}

/**
 * Reads a cursor. The length is looked at before anything else.
 *
 * @throws InvalidCursorError for anything that `formatCursor` does not write, or more entries than `maxEntries`.
 */
export function parseCursor(text: string, maxEntries: number): Map<string, number> {
  if (typeof text !== 'string' || text === '') throw new InvalidCursorError('a cursor must not be empty');
  // What `${undefined}` leaves in a query has the form of a cursor.
  if (text === 'undefined') throw new InvalidCursorError('the cursor is undefined');
  if (text.length > longestCursor(maxEntries)) throw new InvalidCursorError('the cursor is too long');
  const vector = new Map<string, number>();
  let previous = '';
  let start = 0;
  while (start <= text.length) {
    const dot = text.indexOf('.', start);
    const end = dot < 0 ? text.length : dot;
    const middle = start + ORIGIN_LENGTH;
    const n = isBase62(text, start, middle) ? fromBase62(text, middle, end) : -1;
    const origin = text.slice(start, middle);
    if (n < 0 || origin <= previous) throw new InvalidCursorError('the cursor is malformed');
    vector.set(origin, n);
    previous = origin;
    start = end + 1;
  }
  if (vector.size > maxEntries) throw new InvalidCursorError('the cursor has too many entries');
  return vector;
}

/** Raises the entries of `vector` to those of `other`. */
export function raise(vector: Map<string, number>, other: Vector): void {
  for (const [origin, n] of other) if (n > (vector.get(origin) ?? -1)) vector.set(origin, n);
}
