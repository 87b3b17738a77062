import { TrunklineError, type TrunklineErrorOptions } from './base.js';

/** A caller's argument was unusable; nothing was sent. */
export class InvalidArgumentError extends TrunklineError {
  static override readonly name: string = 'InvalidArgumentError';
  readonly code = 'ERR_INVALID_ARGUMENT';
}

/** A limit of {@link Limits} was reached; `limit` names it. */
export class LimitExceededError extends TrunklineError {
  static override readonly name: string = 'LimitExceededError';
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
  static override readonly name: string = 'TimeoutError';
  readonly code = 'ERR_TIMEOUT';
  /** How long was waited, in milliseconds. */
  readonly milliseconds: number;

  constructor(message: string, milliseconds: number, options: TrunklineErrorOptions = {}) {
    super(message, options);
    this.milliseconds = milliseconds;
  }
}

/** What is known of a proxy's answer. */
export interface ProxyErrorDetails extends TrunklineErrorOptions {
  readonly statusCode?: number;
  readonly replyCode?: number;
}

/**
 * A proxy could not be reached, did not open a tunnel, or broke the rules. The message names the proxy and never shows
 * credentials. What fails behind an open tunnel is no matter of the proxy and has the error that it has without one.
 */
export class ProxyError extends TrunklineError {
  static override readonly name: string = 'ProxyError';
  readonly code = 'ERR_PROXY';
  /** HTTP status with which an `http:` or `https:` proxy refused; 407 asks for credentials. */
  readonly statusCode: number | undefined;
  /** Reply with which a SOCKS proxy refused (RFC 1928, 6), 1 to 255. */
  readonly replyCode: number | undefined;

  constructor(message: string, details: ProxyErrorDetails = {}) {
    super(message, details);
    this.statusCode = details.statusCode;
    this.replyCode = details.replyCode;
  }
}

/** An optional package is needed that is not installed, or does not load; the message says which, and what to do. */
export class MissingPackageError extends TrunklineError {
  static override readonly name: string = 'MissingPackageError';
  readonly code = 'ERR_MISSING_PACKAGE';
}
