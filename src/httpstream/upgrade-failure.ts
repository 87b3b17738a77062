import { TrunklineError, type TrunklineErrorOptions } from '../errors/index.js';
import type { Status } from './status.js';

/** What is known of the server's answer. */
export interface UpgradeFailureDetails extends TrunklineErrorOptions {
  readonly statusCode?: number;
  readonly status?: Status;
  readonly body?: string;
}

/** The server did not upgrade the connection. Tells a caller that it may try another protocol. */
export class UpgradeFailureError extends TrunklineError {
  static override readonly name: string = 'UpgradeFailureError';
  readonly code = 'ERR_UPGRADE_FAILURE';
  /** HTTP status of the answer; `undefined` when there was no usable answer. */
  readonly statusCode: number | undefined;
  /** The Kubernetes Status in the answer's body, if it was one. */
  readonly status: Status | undefined;
  /** The answer's body as text, cut at `limits.errorBodyBytes`. */
  readonly body: string | undefined;

  constructor(message: string, details: UpgradeFailureDetails = {}) {
    super(message, details);
    this.statusCode = details.statusCode;
    this.status = details.status;
    this.body = details.body;
  }
}

/** Whether `error`, or any error in its `cause` chain, says that the upgrade failed (`IsUpgradeFailure` of the original). */
export function isUpgradeFailure(error: unknown): boolean {
  // A chain can be circular; no honest one is this long.
  for (let current = error, depth = 0; current instanceof Error && depth < 32; current = current.cause, depth++) {
    if (current instanceof UpgradeFailureError) return true;
  }
  return false;
}
