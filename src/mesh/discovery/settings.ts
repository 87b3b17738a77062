import { InvalidArgumentError } from '../../errors/index.js';
import { isPort } from './address.js';

/** Peers of a set at most, unless told otherwise. */
export const DEFAULT_MAX_PEERS = 1_000;
/** Milliseconds over which changes are collected into one set, unless told otherwise. */
export const DEFAULT_DEBOUNCE = 250;

/**
 * A number of milliseconds or of things, or its default.
 *
 * @throws InvalidArgumentError when it is none, or less than `least`.
 */
export function numberOption(name: string, value: number | undefined, byDefault: number, least = 1): number {
  if (value === undefined) return byDefault;
  if (typeof value === 'number' && value >= least && value <= Number.MAX_SAFE_INTEGER) return value;
  throw new InvalidArgumentError(`${name} must be a number from ${least}, not ${String(value)}`);
}

/** @throws InvalidArgumentError for a number that is no port from 1 to 65,535. */
export function portOption(name: string, value: number | undefined): number | undefined {
  if (value === undefined || isPort(value)) return value;
  throw new InvalidArgumentError(`${name} must be a port from 1 to 65535, not ${String(value)}`);
}

/** An observer that cannot break what it observes. */
export function observer(onError: ((error: Error) => void) | undefined): (error: unknown) => void {
  return (error) => {
    try {
      onError?.(error instanceof Error ? error : new Error(String(error)));
    } catch {
      // Its failures are its own.
    }
  };
}
