import { TrunklineError, type TrunklineErrorOptions } from '../errors/index.js';

/** A request cannot be served as it is; the message is for its client. */
export class RequestError extends TrunklineError {
  static override readonly name: string = 'RequestError';
  /** What the client is told beside the message. */
  readonly code: `ERR_${string}`;
  /** HTTP status of the answer. */
  readonly status: number;

  constructor(status: number, code: `ERR_${string}`, message: string, options: TrunklineErrorOptions = {}) {
    super(message, { initiator: 'remote', ...options });
    this.status = status;
    this.code = code;
  }
}
