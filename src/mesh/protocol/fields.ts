import { ProtocolError } from '../../errors/index.js';
import { isOrigin } from '../../push/log/cursor.js';

/** Reads the fields of a message that came from a peer, one after the other; nothing in it is trusted. */
export class Fields {
  readonly #values: readonly unknown[];
  readonly #what: string;
  #next = 0;

  /** @throws ProtocolError when it is no list. */
  constructor(value: unknown, what: string) {
    if (!Array.isArray(value)) throw malformed(what);
    this.#values = value;
    this.#what = what;
  }

  /** Text of at most so many UTF-16 units. */
  text(most: number): string {
    const value = this.#take();
    if (typeof value !== 'string' || value.length > most) throw malformed(this.#what);
    return own(value);
  }

  optionalText(most: number): string | undefined {
    const value = this.#take();
    if (value === null || value === undefined) return undefined;
    if (typeof value !== 'string' || value.length > most) throw malformed(this.#what);
    return own(value);
  }

  origin(): string {
    const value = this.text(8);
    if (!isOrigin(value)) throw malformed(this.#what);
    return value;
  }

  /** A whole number from `least`. */
  whole(least = 0): number {
    const value = this.#take();
    if (!Number.isSafeInteger(value) || Number(value) < least) throw malformed(this.#what);
    return Number(value);
  }

  /** Milliseconds from 0; fractions are fine. */
  milliseconds(): number {
    const value = this.#take();
    if (typeof value !== 'number' || !(value >= 0) || value > Number.MAX_SAFE_INTEGER) throw malformed(this.#what);
    return value;
  }

  flag(): boolean {
    const value = this.#take();
    if (typeof value !== 'boolean') throw malformed(this.#what);
    return value;
  }

  oneOf<T extends string>(values: readonly T[]): T {
    const value = this.#take();
    const found = values.find((each) => each === value);
    if (found === undefined) throw malformed(this.#what);
    return found;
  }

  /** A list of at most so many items, each read by `read` from fields of its own. */
  list<T>(most: number, read: (fields: Fields) => T): T[] {
    const value = this.#take();
    if (!Array.isArray(value) || value.length > most) throw malformed(this.#what);
    return value.map((item) => read(new Fields(item, this.#what)));
  }

  /** A list of texts. */
  texts(most: number, longest: number): string[] {
    const value = this.#take();
    if (!Array.isArray(value) || value.length > most) throw malformed(this.#what);
    return value.map((item) => {
      if (typeof item !== 'string' || item.length > longest) throw malformed(this.#what);
      return item;
    });
  }

  /** So many whole numbers from 1. */
  numbers(count: number): number[] {
    const fields = new Fields(this.#take(), this.#what);
    return Array.from({ length: count }, () => fields.whole(1));
  }

  #take(): unknown {
    const value = this.#values[this.#next];
    this.#next += 1;
    return value;
  }
}

/** V8 copies shorter parts of a string, and lets longer ones refer to it. */
const SHORTEST_SLICE = 13;

/** The same text, without what it may be a slice of: an event that is kept must not keep all others of its message. */
function own(text: string): string {
  return text.length < SHORTEST_SLICE ? text : ` ${text}`.slice(1);
}

/** The error for what cannot be read. */
export function malformed(what: string): ProtocolError {
  return new ProtocolError(`${what} of the peer cannot be read`, { initiator: 'remote' });
}
