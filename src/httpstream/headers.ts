import { InvalidArgumentError } from '../errors/index.js';

/** What a set of headers can be made from; a value may be a list. */
export type HeadersInit =
  | StreamHeaders
  | Readonly<Record<string, string | readonly string[] | undefined>>
  | Iterable<readonly [name: string, value: string | readonly string[]]>;

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const FORBIDDEN_IN_VALUE = /[\0\r\n]/;

/**
 * Headers of a stream: names are compared without regard to case, and a name can have several values.
 *
 * Names follow the token grammar of RFC 9110, 5.6.2; values may hold anything but CR, LF and NUL (RFC 9110, 5.5).
 */
export class StreamHeaders implements Iterable<[name: string, value: string]> {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  /** @throws InvalidArgumentError for a name or value outside the grammar. */
  constructor(init: HeadersInit = {}) {
    if (init instanceof StreamHeaders) {
      this.#values = init.#values;
      return;
    }
    const values = new Map<string, string[]>();
    if (Symbol.iterator in init) for (const [name, value] of init) add(values, name, value);
    else for (const name of Object.keys(init)) add(values, name, init[name]);
    this.#values = values;
  }

  /** The first value of `name`, or `undefined`. */
  get(name: string): string | undefined {
    return this.#values.get(name.toLowerCase())?.[0];
  }

  /** All values of `name`, in order. */
  getAll(name: string): readonly string[] {
    return this.#values.get(name.toLowerCase()) ?? [];
  }

  has(name: string): boolean {
    return this.#values.has(name.toLowerCase());
  }

  /** How many different names there are. */
  get size(): number {
    return this.#values.size;
  }

  /** Lower-case names with all their values. */
  entries(): IterableIterator<[name: string, values: readonly string[]]> {
    return this.#values.entries();
  }

  *[Symbol.iterator](): IterableIterator<[name: string, value: string]> {
    for (const [name, values] of this.#values) for (const value of values) yield [name, value];
  }
}

function add(values: Map<string, string[]>, name: string, value: string | readonly string[] | undefined): void {
  if (value === undefined) return;
  if (!TOKEN.test(name)) throw new InvalidArgumentError(`invalid header name: ${JSON.stringify(name)}`);
  const key = name.toLowerCase();
  const present = values.get(key);
  if (typeof value === 'string') {
    check(name, value);
    if (present === undefined) values.set(key, [value]);
    else present.push(value);
    return;
  }
  if (!Array.isArray(value))
    throw new InvalidArgumentError(`the value of header ${name} must be text or a list of texts`);
  const list: readonly string[] = value;
  for (const one of list) check(name, one);
  if (present !== undefined) present.push(...list);
  else if (list.length > 0) values.set(key, [...list]);
}

function check(name: string, value: string): void {
  if (FORBIDDEN_IN_VALUE.test(value)) throw new InvalidArgumentError(`header ${name} has CR, LF or NUL in its value`);
}
