import { TrunklineError, type TrunklineErrorOptions } from './base.js';

/** A caller's argument was unusable; nothing was sent. */
export class InvalidArgumentError extends TrunklineError {
  readonly code = 'ERR_INVALID_ARGUMENT';
}

/** A limit of {@link Limits} was reached; `limit` names it. */
export class LimitExceededError extends TrunklineError {
  readonly code = 'ERR_LIMIT_EXCEEDED';
  /** Name of the limit, as in `Limits`. */
  readonly limit: string;

  constructor(limit: string, message: string, options: TrunklineErrorOptions = {}) {
    super(message, options);
    this.limit = limit;
  }
}

/** Something did not happen in time; the message says what and after how long. */
export class TimeoutError extends TrunklineError {
  readonly code = 'ERR_TIMEOUT';
  /** How long was waited, in milliseconds. */
  readonly milliseconds: number;

  constructor(message: string, milliseconds: number, options: TrunklineErrorOptions = {}) {
    super(message, options);
    this.milliseconds = milliseconds;
  }
}
