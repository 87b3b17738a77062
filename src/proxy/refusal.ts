import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Refusal } from '../carrier/websocket/index.js';
import { InvalidArgumentError, TimeoutError, TrunklineError } from '../errors/index.js';
import { UpgradeFailureError, failureStatus, refuseUpgrade, type Status } from '../httpstream/index.js';
import { AddressDeniedError } from './addresses.js';
import type { ProxySettings } from './options.js';

/** A request is turned away with this refusal. */
export class RefusedError extends TrunklineError {
  readonly code = 'ERR_PROXY_REFUSED';
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.message, { initiator: 'remote' });
    this.refusal = refusal;
  }
}

/** 400. */
export function badRequest(message: string): RefusedError {
  return new RefusedError({ code: 400, message });
}

/** 503. */
export function stopped(): RefusedError {
  return new RefusedError({ code: 503, message: 'the proxy is shutting down' });
}

/**
 * What the caller is told of a failure: 403 for an address that is not allowed, 504 for a backend that did not answer in
 * time, 502 for all else that is the backend's doing, and 500 without details for what is not. An error that carries a
 * Status with a code, as a hook may throw one, is answered with it.
 */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof RefusedError) return error.refusal;
  if (error instanceof AddressDeniedError) {
    return { code: 403, message: 'forbidden: the address of the backend must not be proxied to' };
  }
  if (error instanceof TimeoutError) return { code: 504, message: `error dialing backend: ${error.message}` };
  if (error instanceof UpgradeFailureError) return { code: 502, message: error.message };
  const status = statusIn(error);
  if (status !== undefined) return { code: status.code, message: status.message ?? '', status };
  // A hook's or an option's mistake: what callers can get wrong was checked before.
  const isOurs = error instanceof InvalidArgumentError;
  if (error instanceof TrunklineError && !isOurs && error.initiator !== 'local') {
    return { code: 502, message: `error dialing backend: ${error.message}` };
  }
  return { code: 500, message: 'an error on the proxy has prevented the request from succeeding' };
}

function statusIn(error: unknown): (Status & { readonly code: number }) | undefined {
  if (typeof error !== 'object' || error === null || !('status' in error)) return undefined;
  const { status } = error;
  if (typeof status !== 'object' || status === null || !('code' in status)) return undefined;
  const { code } = status;
  if (typeof code !== 'number' || !Number.isInteger(code) || code < 400 || code > 599) return undefined;
  return { ...status, code };
}

/** Answers an upgrade request on its socket, and closes it. */
export function refuseOnSocket(socket: Duplex, refusal: Refusal, { clock, limits }: ProxySettings): void {
  const { code, message, status = failureStatus(code, message) } = refusal;
  refuseUpgrade(socket, code, message, { status, clock, timeout: limits.upgradeTimeout });
}

/** Answers a plain request. An answer that has begun is cut off, so that it is not taken for a whole one. */
export function refuseResponse(response: ServerResponse, { code, message, status }: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(`${JSON.stringify(status ?? failureStatus(code, message))}\n`);
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  response.writeHead(code, {
    'Content-Type': 'application/json',
    'Content-Length': String(body.length),
    'X-Content-Type-Options': 'nosniff',
  });
  response.end(body);
}
