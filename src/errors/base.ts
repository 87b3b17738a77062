/** Who caused a failure: this process (`local`) or the other end of the connection (`remote`). */
export type Initiator = 'local' | 'remote';

/** What every Trunkline error takes besides its message. */
export interface TrunklineErrorOptions {
  /** The failure that led to this one. */
  readonly cause?: unknown;
  /** Who caused it. */
  readonly initiator?: Initiator;
}

const BRAND = Symbol.for('trunkline.error');

/**
 * Base of all errors that Trunkline throws.
 *
 * Tell them apart by `code`, which never changes within a major version. `instanceof` also works when two copies of the
 * package are loaded in one process: it compares a brand, not the prototype.
 *
 * Classes that browsers get state their `name` as a static property, because bundlers shorten the names of classes.
 */
export abstract class TrunklineError extends Error {
  /** Stable identifier of the kind of error. */
  abstract readonly code: `ERR_${string}`;
  /** Who caused it, where that is known. */
  readonly initiator: Initiator | undefined;

  constructor(message: string, options: TrunklineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.initiator = options.initiator;
    Object.defineProperty(this, BRAND, { value: new.target.name });
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null || !(BRAND in value)) return false;
    if (this === TrunklineError) return true;
    for (
      let prototype: object | null = value;
      prototype !== null;
      prototype = Object.getPrototypeOf(prototype) as object | null
    ) {
      if (prototype.constructor?.name === this.name) return true;
    }
    return false;
  }
}
