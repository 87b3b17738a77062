/** Reads numbers out of what a peer printed. @throws Error with what it printed when one of them is missing. */
export function numbersOf<Name extends string>(
  value: unknown,
  ...names: readonly Name[]
): Readonly<Record<Name, number>> {
  const fields = new Map<string, unknown>(Object.entries(Object(value)));
  if (names.some((name) => typeof fields.get(name) !== 'number') || fields.get('complete') === false) {
    throw new Error(`a peer printed ${JSON.stringify(value)} and no result`);
  }
  return value as Record<Name, number>;
}

/** The addresses that pods printed. */
export function addressesOf(value: unknown): string[] {
  if (typeof value === 'object' && value !== null && 'addrs' in value && Array.isArray(value.addrs)) {
    return value.addrs.map(String);
  }
  throw new Error(`the pods printed ${JSON.stringify(value)} and no addresses`);
}

/** The address that a server printed. */
export function addressOf(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'addr' in value && typeof value.addr === 'string') {
    return value.addr;
  }
  throw new Error(`the server printed ${JSON.stringify(value)} and no address`);
}
