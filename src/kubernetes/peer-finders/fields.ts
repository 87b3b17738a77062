/** A JSON object of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

const NONE: Fields = {};
/** Names and ids of Kubernetes have at most 253 characters. */
const LONGEST = 253;

/** The value if it is an object, else an empty one. */
export function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : NONE;
}

/** The value if it is a list, else an empty one. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value if it is a text of 1 to 253 characters. */
export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= LONGEST ? value : undefined;
}
