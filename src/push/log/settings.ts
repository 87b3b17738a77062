import { randomInt } from 'node:crypto';
import { systemClock, type Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { randomBase62 } from './base62.js';
import { isOrigin, ORIGIN_LENGTH } from './cursor.js';

/** How much of its past each stream keeps; the oldest events go first when a bound is passed. */
export interface History {
  /** Events per stream. Default 1,000. */
  readonly events: number;
  /** Bytes per stream: text plus 128 per event. Default 4,194,304. */
  readonly bytes: number;
  /** Milliseconds. Default 300,000. */
  readonly age: number;
}

/** Bounds of an {@link EventLog}. */
export interface LogLimits {
  /** Bytes of all streams together; past it the oldest events of the whole log go. Default 67,108,864. */
  readonly budgetBytes: number;
  /** UTF-8 bytes of the data of one event. Default 262,144. */
  readonly maxEventBytes: number;
  /** Streams that the log knows at once. Those without events and followers make room for new ones. Default 10,000. */
  readonly maxStreams: number;
  /** Different sets of patterns that are followed at once. Default 1,000. */
  readonly maxPatterns: number;
  /** Origins that a cursor may name. Default 128. */
  readonly maxCursorOrigins: number;
}

/** Options of an {@link EventLog}. */
export interface EventLogOptions {
  /** Id of this run: 8 characters of letters and digits, never used before. Default: random. */
  readonly origin?: string;
  readonly history?: Partial<History>;
  readonly limits?: Partial<LogLimits>;
  readonly clock?: Clock;
  /** Source of numbers in [0, 1). Default: the system's secure source. */
  readonly random?: () => number;
  /** Has the followers served once per tick. Default `setImmediate`. */
  readonly schedule?: (flush: () => void) => void;
  /**
   * Whether an origin, that the log has no word of, may still turn up: a pod that this one has not met. Its entries in the
   * cursors of clients are then kept for twice the history's age. Default: never, as befits a log of one pod.
   */
  readonly expectsOrigin?: (origin: string) => boolean;
}

/** The defaults of {@link History}. */
export const DEFAULT_HISTORY: History = Object.freeze({ events: 1_000, bytes: 4 * 1024 * 1024, age: 300_000 });

/** The defaults of {@link LogLimits}. */
export const DEFAULT_LOG_LIMITS: LogLimits = Object.freeze({
  budgetBytes: 64 * 1024 * 1024,
  maxEventBytes: 256 * 1024,
  maxStreams: 10_000,
  maxPatterns: 1_000,
  maxCursorOrigins: 128,
});

/** Options with nothing left open. */
export interface LogSettings {
  readonly origin: string;
  readonly history: History;
  readonly limits: LogLimits;
  readonly clock: Clock;
  readonly schedule: (flush: () => void) => void;
  readonly expectsOrigin: (origin: string) => boolean;
}

const NAMES: OptionNames<EventLogOptions> = {
  origin: true,
  history: true,
  limits: true,
  clock: true,
  random: true,
  schedule: true,
  expectsOrigin: true,
};

/** Fills in defaults and checks. @throws InvalidArgumentError */
export function resolveLogOptions(options: EventLogOptions): LogSettings {
  checkOptionNames('EventLog', options, NAMES);
  const random = options.random ?? secureFraction;
  const origin = options.origin ?? randomBase62(ORIGIN_LENGTH, random);
  if (!isOrigin(origin)) throw new InvalidArgumentError('origin must be 8 characters of letters and digits');
  return {
    origin,
    history: whole('history', DEFAULT_HISTORY, options.history),
    limits: whole('limits', DEFAULT_LOG_LIMITS, options.limits),
    clock: options.clock ?? systemClock,
    schedule: options.schedule ?? ((flush) => void setImmediate(flush)),
    expectsOrigin: options.expectsOrigin ?? (() => false),
  };
}

function whole<T extends object>(owner: string, defaults: T, overrides: Partial<T> = {}): T {
  const known: Record<string, true> = {};
  for (const name of Object.keys(defaults)) known[name] = true;
  checkOptionNames(owner, overrides, known);
  for (const [name, value] of Object.entries(overrides)) {
    if (!Number.isSafeInteger(value) || Number(value) < 1) {
      throw new InvalidArgumentError(`${owner}.${name} must be a whole number above 0, not ${String(value)}`);
    }
  }
  return Object.freeze({ ...defaults, ...overrides });
}

function secureFraction(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
