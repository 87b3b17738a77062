import { TrunklineError, type TrunklineErrorOptions } from '../errors/index.js';
import type { Status } from '../httpstream/index.js';

/** What is known of the answer. */
export interface KubernetesAPIErrorDetails extends TrunklineErrorOptions {
  readonly statusCode: number;
  readonly status?: Status | undefined;
  readonly retryAfter?: number | undefined;
}

/** The API server answered a request with an error, or ended a watch with one. */
export class KubernetesAPIError extends TrunklineError {
  static override readonly name: string = 'KubernetesAPIError';
  readonly code = 'ERR_KUBERNETES_API';
  /** HTTP status, or the code of the Status that ended a watch. */
  readonly statusCode: number;
  /** The Kubernetes Status, if there was one. */
  readonly status: Status | undefined;
  /** Milliseconds that the server asks to wait, if it does. */
  readonly retryAfter: number | undefined;

  constructor(message: string, details: KubernetesAPIErrorDetails) {
    super(message, { initiator: 'remote', ...details });
    this.statusCode = details.statusCode;
    this.status = details.status;
    this.retryAfter = details.retryAfter;
  }

  /** Whether a version or token is too old: what was to be continued has to begin anew. */
  get expired(): boolean {
    return this.statusCode === 410 || this.status?.reason === 'Expired' || this.status?.reason === 'Gone';
  }
}
