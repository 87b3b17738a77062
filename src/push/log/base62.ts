const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const VALUES: Int8Array = new Int8Array(128).fill(-1);
for (let i = 0; i < DIGITS.length; i++) VALUES[DIGITS.charCodeAt(i)] = i;

/** A whole number from 0 in base 62, without leading zeros. Its order of digits is that of ASCII. */
export function toBase62(value: number): string {
  let text = '';
  let rest = value;
  do {
    text = (DIGITS[rest % 62] ?? '') + text;
    rest = Math.floor(rest / 62);
  } while (rest > 0);
  return text;
}

/** The number that `toBase62` wrote from `start` to `end`; -1 for anything else, leading zeros and unsafe numbers included. */
export function fromBase62(text: string, start: number, end: number): number {
  if (end <= start || (text.charCodeAt(start) === 48 && end - start > 1)) return -1;
  let value = 0;
  for (let i = start; i < end; i++) {
    const digit = VALUES[text.charCodeAt(i)] ?? -1;
    if (digit < 0) return -1;
    value = value * 62 + digit;
    if (value > Number.MAX_SAFE_INTEGER) return -1;
  }
  return value;
}

/** `length` digits, each picked by `random`, a source of numbers in [0, 1). */
export function randomBase62(length: number, random: () => number): string {
  let text = '';
  for (let i = 0; i < length; i++) text += DIGITS[Math.floor(random() * 62)] ?? '0';
  return text;
}

/** Whether every character from `start` to `end` is a digit. */
export function isBase62(text: string, start = 0, end: number = text.length): boolean {
  if (end > text.length) return false;
  for (let i = start; i < end; i++) if ((VALUES[text.charCodeAt(i)] ?? -1) < 0) return false;
  return true;
}
