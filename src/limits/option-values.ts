import { InvalidArgumentError } from '../errors/index.js';

/** A period; infinite ones are 0, which turns them off. @throws InvalidArgumentError for anything but a number from 0. */
export function milliseconds(name: string, value: number): number {
  if (typeof value === 'number' && value >= 0) return Number.isFinite(value) ? value : 0;
  throw new InvalidArgumentError(`${name} must be a number of milliseconds from 0, not ${String(value)}`);
}

/** @throws InvalidArgumentError for anything but a whole number from `least`. */
export function wholeNumber(name: string, value: number, least = 1): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  const range = least === 1 ? 'above 0' : `from ${least}`;
  throw new InvalidArgumentError(`${name} must be a whole number ${range}, not ${String(value)}`);
}

/** @throws InvalidArgumentError for any value but these. */
export function oneOf(name: string, value: string, values: readonly string[]): void {
  if (values.includes(value)) return;
  throw new InvalidArgumentError(`${name} must be ${values.join(' or ')}, not ${String(value)}`);
}
