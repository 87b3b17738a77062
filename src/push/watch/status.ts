import { failureStatus, type Status } from '../../httpstream/index.js';
import { TrunklineError } from '../../errors/index.js';

/** A request failed in a way that the client is told of by a Kubernetes `Status`, whose code is the HTTP status. */
export class StatusFailure extends TrunklineError {
  readonly code = 'ERR_WATCH_STATUS';
  readonly status: Status & { readonly code: number };

  constructor(code: number, message: string, reason?: string, details?: Status['details']) {
    super(message, { initiator: 'remote' });
    this.status = { ...failureStatus(code, message, reason, details), code };
  }
}

/** 400: the request cannot be understood. */
export function badRequest(message: string): StatusFailure {
  return new StatusFailure(400, message);
}

/** 422: an option of the list or watch is not allowed here (`validation.ValidateListOptions`). */
export function invalidOption(
  field: string,
  reason: 'FieldValueForbidden' | 'FieldValueNotSupported',
  text: string,
): StatusFailure {
  const message = `${reason === 'FieldValueForbidden' ? 'Forbidden' : 'Unsupported value'}: ${text}`;
  return new StatusFailure(422, `ListOptions.meta.k8s.io "" is invalid: ${field}: ${message}`, 'Invalid', {
    kind: 'ListOptions',
    causes: [{ reason, message, field }],
  });
}

/** 410: what comes behind a resource version is no longer there; list, and watch from there. */
export function expired(message: string): StatusFailure {
  return new StatusFailure(410, message, 'Expired');
}
