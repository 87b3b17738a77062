/** Runs that were replaced, and names that several pods have, of which that is remembered. */
const MAX_REMEMBERED = 1_024;

/**
 * Which runs were taken for dead because a newer one came under their name. One that comes back lives: then several pods have
 * that name, and neither of them may replace the other, for both would do so for ever.
 */
export class Names {
  /** Names of runs that were replaced. */
  readonly #replaced = new Map<string, string>();
  readonly #shared = new Set<string>();

  /** A run is there. @returns whether that shows, for the first time, that several pods have its name. */
  met(origin: string, name: string): boolean {
    if (this.#replaced.get(origin) !== name || this.#shared.has(name)) return false;
    this.#shared.add(name);
    trim(this.#shared);
    return true;
  }

  /** A newer run has come under the name of another one. @returns whether that one is to go. */
  replaces(older: string, name: string): boolean {
    if (this.#shared.has(name)) return false;
    this.#replaced.set(older, name);
    trim(this.#replaced);
    return true;
  }
}

function trim(all: Map<string, string> | Set<string>): void {
  const [oldest] = all.keys();
  if (all.size > MAX_REMEMBERED && oldest !== undefined) all.delete(oldest);
}
