import { TrunklineError } from '../../errors/index.js';

/**
 * A cursor was not one that a log gives out: malformed, too long, or ahead of what this very run has published. Over HTTP
 * it is answered by 400.
 */
export class InvalidCursorError extends TrunklineError {
  static override readonly name: string = 'InvalidCursorError';
  readonly code = 'ERR_INVALID_CURSOR';
}

/** The log was closed: it takes no events and no followers any more. */
export class LogClosedError extends TrunklineError {
  static override readonly name: string = 'LogClosedError';
  readonly code = 'ERR_LOG_CLOSED';
}
