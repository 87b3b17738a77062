import { randomInt } from 'node:crypto';

/** A number in [0, 1) from the system's secure source: the default wherever a `random` may be given. */
export function secureFraction(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
