import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { secureFraction } from '../random/secure-fraction.js';
import type { ReconnectOptions } from './client-types.js';
import { milliseconds } from './settings.js';

/** {@link ReconnectOptions} with everything decided. */
export interface ReconnectSettings {
  readonly initialDelay: number;
  readonly maxDelay: number;
  readonly maxAttempts: number;
  readonly meanwhile: 'wait' | 'refuse';
  readonly waitTimeout: number;
  readonly random: () => number;
}

const OPTIONS: OptionNames<ReconnectOptions> = {
  initialDelay: true,
  maxDelay: true,
  maxAttempts: true,
  meanwhile: true,
  waitTimeout: true,
  random: true,
};

/** @throws InvalidArgumentError for options out of range. */
export function resolveReconnect(options: boolean | ReconnectOptions | undefined): ReconnectSettings | undefined {
  if (options === undefined || options === false) return undefined;
  const given: ReconnectOptions = options === true ? {} : options;
  checkOptionNames('reconnect', given, OPTIONS);
  const { meanwhile = 'wait', maxAttempts = Infinity, random = secureFraction } = given;
  if (meanwhile !== 'wait' && meanwhile !== 'refuse') {
    throw new InvalidArgumentError(`meanwhile must be wait or refuse, not ${String(meanwhile)}`);
  }
  if (maxAttempts !== Infinity && (!Number.isSafeInteger(maxAttempts) || maxAttempts < 1)) {
    throw new InvalidArgumentError(`maxAttempts must be a whole number above 0, not ${String(maxAttempts)}`);
  }
  const initialDelay = milliseconds('initialDelay', given.initialDelay, 500);
  return {
    initialDelay,
    maxDelay: Math.max(initialDelay, milliseconds('maxDelay', given.maxDelay, 30_000)),
    maxAttempts,
    meanwhile,
    waitTimeout: milliseconds('waitTimeout', given.waitTimeout, 30_000),
    random,
  };
}

/** The pause before an attempt, counted from 1: it doubles up to a bound, and is spread over its upper half. */
export function pauseBefore(attempt: number, { initialDelay, maxDelay, random }: ReconnectSettings): number {
  const full = Math.min(maxDelay, initialDelay * 2 ** Math.min(attempt - 1, 32));
  return full / 2 + (full / 2) * random();
}
