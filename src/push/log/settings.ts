import { systemClock, type Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { secureFraction } from '../../random/secure-fraction.js';
import { randomBase62 } from './base62.js';
import { isOrigin, ORIGIN_LENGTH } from './cursor.js';

/**
 * How much of its past each stream keeps; the oldest events go first when a bound is passed. What comes within one turn of the
 * event loop may be up to 16 times as much until those who had everything have been told, and have had a turn to take it.
 */
export interface History {
  /** Events per stream. Default 1,000. */
  readonly events: number;
  /** Bytes per stream: text plus 128 per event. Default 4,194,304. */
  readonly bytes: number;
  /**
   * Milliseconds. Default 300,000. A timer sees to it, at most once a second, so that a quiet stream may keep an event for a
   * second more. All pods of a mesh must have the same.
   */
  readonly age: number;
}

/** Bounds of an {@link EventLog}. */
export interface LogLimits {
  /**
   * Bytes of all streams together, with the cursors behind their events: past it the oldest events of the whole log go. What
   * transports make of the events is kept beside them, for at most as many bytes again. Default 67,108,864.
   */
  readonly budgetBytes: number;
  /** UTF-8 bytes of the data of one event. Default 262,144. */
  readonly maxEventBytes: number;
  /**
   * Streams that have events or had some lately. For a new one, a stream without events and followers is forgotten; if there
   * is none, the oldest events of the whole log go until there is. Streams that are followed before they have events, and
   * sets of several streams that are followed, are counted apart, up to the same number each. Default 10,000.
   */
  readonly maxStreams: number;
  /** Different sets with patterns that are followed at once. Default 1,000. */
  readonly maxPatterns: number;
  /**
   * Origins that a cursor may name, this run included; at least 2. With more on one stream within twice the history's age,
   * those that were quiet longest are left out, and who resumes is told of a gap for them. Default 128.
   */
  readonly maxCursorOrigins: number;
}

/** Options of an {@link EventLog}. */
export interface EventLogOptions {
  /** Id of this run: 8 characters of letters and digits, never used before. Default: random. */
  readonly origin?: string;
  /** What each stream keeps; see the defaults there. */
  readonly history?: Partial<History>;
  readonly limits?: Partial<LogLimits>;
  /** What takes the time. Default: the monotonic clock of the process. */
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

/** Fills in defaults and checks. @throws InvalidArgumentError for unknown options and values out of range. */
export function resolveLogOptions(options: EventLogOptions): LogSettings {
  checkOptionNames('EventLog', options, NAMES);
  const random = options.random ?? secureFraction;
  const origin = options.origin ?? randomBase62(ORIGIN_LENGTH, random);
  if (!isOrigin(origin)) throw new InvalidArgumentError('origin must be 8 characters of letters and digits');
  const limits = whole('limits', DEFAULT_LOG_LIMITS, options.limits);
  if (limits.maxCursorOrigins < 2) {
    throw new InvalidArgumentError('limits.maxCursorOrigins must be at least 2: this run, and whoever else publishes');
  }
  return {
    origin,
    history: whole('history', DEFAULT_HISTORY, options.history),
    limits,
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
