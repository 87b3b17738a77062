/** Names, in lower case, with their values, in wire order. */
export type HeaderEntries = Iterable<readonly [name: string, values: readonly string[]]>;
