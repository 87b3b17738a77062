/** A number in [0, 1). */
export function fraction(): number {
  const [number = 0] = crypto.getRandomValues(new Uint32Array(1));
  return number / 2 ** 32;
}

/** A short name that nobody has used. */
export function freshName(): string {
  return Math.floor(fraction() * 36 ** 6)
    .toString(36)
    .padStart(6, '0');
}
