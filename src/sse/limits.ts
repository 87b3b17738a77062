import { InvalidArgumentError } from '../errors/index.js';

/** Bounds on what a server of events can make this side hold. Past one the stream ends with `LimitExceededError`. */
export interface EventStreamLimits {
  /** Bytes of one line without its end, comments included. Default 1,048,576. */
  readonly maxLineBytes: number;
  /** Bytes of the data of one event, each line of it counted with its line feed. Default 4,194,304. */
  readonly maxEventBytes: number;
}

/** The defaults of {@link EventStreamLimits}. */
export const DEFAULT_EVENT_STREAM_LIMITS: EventStreamLimits = Object.freeze({
  maxLineBytes: 1024 * 1024,
  maxEventBytes: 4 * 1024 * 1024,
});

/**
 * Fills in defaults and checks the result.
 *
 * @throws InvalidArgumentError for an unknown name or a value that is no whole number above 0.
 */
export function resolveEventStreamLimits(overrides: Partial<EventStreamLimits> = {}): EventStreamLimits {
  for (const [name, value] of Object.entries(overrides)) {
    if (!Object.hasOwn(DEFAULT_EVENT_STREAM_LIMITS, name)) throw new InvalidArgumentError(`unknown limit: ${name}`);
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new InvalidArgumentError(`limit ${name} must be a whole number above 0, not ${String(value)}`);
    }
  }
  return Object.freeze({ ...DEFAULT_EVENT_STREAM_LIMITS, ...overrides });
}
