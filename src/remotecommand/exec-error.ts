import { TrunklineError, type TrunklineErrorOptions } from '../errors/index.js';
import type { Status } from '../httpstream/index.js';
import type { ExecResult } from './client-types.js';

/** What is known beside the message. */
export interface ExecErrorOptions extends TrunklineErrorOptions {
  readonly exitCode?: number;
  readonly result?: ExecResult;
}

/** The server reported that an exec or attach failed. The connection was fine: `status` is what the server had to say. */
export class ExecError extends TrunklineError {
  readonly code = 'ERR_EXEC';
  /** What the server reported; made from its text where the protocol is older than v4. */
  readonly status: Status;
  /** The command's exit code, where it ran and ended; only with the option `check`. */
  readonly exitCode: number | undefined;
  /** What the command wrote until then, as far as it was collected; only with the option `check`. */
  readonly result: ExecResult | undefined;

  constructor(message: string, status: Status, options: ExecErrorOptions = {}) {
    super(message, { initiator: 'remote', ...options });
    this.status = status;
    this.exitCode = options.exitCode;
    this.result = options.result;
  }
}
