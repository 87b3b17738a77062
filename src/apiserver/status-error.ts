import { TrunklineError, type TrunklineErrorOptions } from '../errors/index.js';
import { failureStatus, type Status } from '../httpstream/index.js';

/** A request failed in a way that the client is told of: `status` becomes the body of the answer, its code the HTTP status. */
export class StatusError extends TrunklineError {
  readonly code = 'ERR_API_STATUS';
  readonly status: Status & { readonly code: number };
  /** Additional headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: Status & { readonly code: number },
    options: TrunklineErrorOptions & { readonly headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(status.message ?? `request failed with ${status.code}`, options);
    this.status = status;
    this.headers = options.headers ?? {};
  }
}

/** Makes a {@link StatusError} whose reason follows from `code` unless given (apimachinery `api/errors`). */
export function statusError(
  code: number,
  message: string,
  reason?: string,
  details?: Status['details'],
  headers: Readonly<Record<string, string>> = {},
): StatusError {
  return new StatusError({ ...failureStatus(code, message, reason, details), code }, { initiator: 'remote', headers });
}

/** 400: the request cannot be understood. */
export function badRequest(message: string): StatusError {
  return statusError(400, message);
}

/** 404: an object of a known resource does not exist. */
export function notFound(resource: string, name: string): StatusError {
  return statusError(404, `${resource} "${name}" not found`, undefined, { name, kind: resource });
}

/** 404: nothing is served at this path. */
export function unknownPath(): StatusError {
  return statusError(404, 'the server could not find the requested resource', undefined, {});
}

/** 405: the path is served, this method on it is not. */
export function methodNotAllowed(allowed: readonly string[]): StatusError {
  const { status } = statusError(405, 'the server does not allow this method on the requested resource');
  return new StatusError(status, { initiator: 'remote', headers: { Allow: allowed.join(', ') } });
}

/** 422: a field of the request has a value out of range. */
export function invalid(kind: string, field: string, message: string): StatusError {
  return statusError(422, `${kind} "" is invalid: ${field}: ${message}`, undefined, {
    kind,
    causes: [{ reason: 'FieldValueInvalid', message, field }],
  });
}
