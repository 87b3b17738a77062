import { STATUS_CODES, type OutgoingHttpHeaders } from 'node:http';
import type { Logger } from '../../logger/logger.js';
import { InvalidArgumentError, LimitExceededError } from '../../errors/index.js';
import { requestFields } from '../diagnostics/request-fields.js';
import { InvalidCursorError, LogClosedError } from '../log/errors.js';
import type { Refusal } from './authorize.js';
import { BadRequestError } from './errors.js';
import type { PushRequest, PushResponse } from './types.js';

/** Answers with a body of text and ends. Does nothing when the client is gone or the head was sent. */
export function answer(
  req: PushRequest,
  res: PushResponse,
  status: number,
  body: string,
  headers: OutgoingHttpHeaders = {},
): void {
  if (res.headersSent || res.destroyed) return;
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
  if (!res.hasHeader('cache-control')) res.setHeader('Cache-Control', 'no-store');
  const bodiless = status === 204 || status === 304;
  if (!bodiless) res.setHeader('Content-Length', Buffer.byteLength(body));
  if (req.method === 'HEAD' || bodiless) res.end();
  else res.end(body);
}

/** Answers with `{"error", "code"}`. */
export function answerError(
  req: PushRequest,
  res: PushResponse,
  status: number,
  code: string,
  error: string,
  headers: OutgoingHttpHeaders = {},
): void {
  answer(req, res, status, JSON.stringify({ error, code }), { 'Content-Type': 'application/json', ...headers });
}

/** Answers as an `authorize` hook wants it. */
export function answerRefusal(req: PushRequest, res: PushResponse, { status, headers, body }: Refusal): void {
  const code = status === 401 ? 'ERR_UNAUTHORIZED' : 'ERR_FORBIDDEN';
  if (body === undefined) answerError(req, res, status, code, STATUS_CODES[status] ?? 'Refused', headers);
  else answer(req, res, status, body, { 'Content-Type': 'text/plain; charset=utf-8', ...headers });
}

/**
 * Answers what reading or following failed with: 400 for what the client got wrong, 503 for a log that is closed; anything
 * else is a 500 that tells the client nothing, and is logged.
 */
export function answerFailure(req: PushRequest, res: PushResponse, error: unknown, logger: Logger): void {
  if (error instanceof BadRequestError || error instanceof InvalidCursorError) {
    answerError(req, res, 400, error.code, error.message);
  } else if (error instanceof LogClosedError) {
    answerError(req, res, 503, error.code, 'the server is shutting down', { 'Retry-After': '1' });
  } else {
    logger.error({ err: error, request: requestFields(req) }, 'a push request failed');
    answerError(req, res, 500, 'ERR_INTERNAL', 'internal error');
  }
}

/** As {@link answerFailure}, for what `follow` threw: there an unusable argument is the client's doing, and limits are full. */
export function answerFollowFailure(req: PushRequest, res: PushResponse, error: unknown, logger: Logger): void {
  if (error instanceof InvalidArgumentError) answerError(req, res, 400, error.code, error.message);
  else if (error instanceof LimitExceededError) {
    answerError(req, res, 503, error.code, error.message, { 'Retry-After': '5' });
  } else answerFailure(req, res, error, logger);
}

/** Adds a name to `Vary`. */
export function addVary(res: PushResponse, name: string): void {
  res.setHeader('Vary', varyWith(res, name));
}

/** `Vary` as the response has it, with this name. */
export function varyWith(res: PushResponse, name: string): string {
  const value = res.getHeader('vary');
  const present = (Array.isArray(value) ? value.join(', ') : String(value ?? '')).trim();
  const names = new Set(present.split(',').map((one) => one.trim().toLowerCase()));
  if (names.has('*') || names.has(name.toLowerCase())) return present;
  return present === '' ? name : `${present}, ${name}`;
}
