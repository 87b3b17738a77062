import { InvalidArgumentError } from '../errors/index.js';

/** The name of every option of T; the compiler misses the ones that are forgotten. */
export type OptionNames<T> = Readonly<Record<keyof T, true>>;

/**
 * Refuses options that do not exist. JavaScript ignores them, so that a misspelt allow list would allow everything.
 *
 * @param owner What takes the options, for the message.
 * @param elsewhere Names that belong to another argument, and to which.
 * @throws InvalidArgumentError
 */
export function checkOptionNames(
  owner: string,
  options: object,
  known: Readonly<Record<string, true>>,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (typeof options !== 'object' || options === null) {
    throw new InvalidArgumentError(`the options of ${owner} must be an object`);
  }
  for (const name of Object.keys(options)) {
    if (Object.hasOwn(known, name)) continue;
    throw new InvalidArgumentError(`${owner} has no option ${JSON.stringify(name)}${hintFor(name, known, elsewhere)}`);
  }
}

function hintFor(
  name: string,
  known: Readonly<Record<string, true>>,
  elsewhere: Readonly<Record<string, string>>,
): string {
  if (Object.hasOwn(elsewhere, name)) return `; it belongs to ${elsewhere[name]}`;
  const meant = similar(name, Object.keys(known));
  return meant === undefined ? '' : `; is ${meant} meant?`;
}

/** The name that differs in the fewest letters, in a third of them at most. */
function similar(name: string, known: readonly string[]): string | undefined {
  const given = name.toLowerCase().slice(0, 64);
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(given, candidate.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, given.length / 3) ? best.candidate : undefined;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
