import { STATUS_CODES, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { messageProtocol, messageRefusal } from '../../carrier/websocket/index.js';
import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError, LimitExceededError } from '../../errors/index.js';
import { refuseUpgrade } from '../../httpstream/respond.js';
import type { Limits } from '../../limits/limits.js';
import { askAuthorize, isRefusal, type Refusal } from '../http/authorize.js';
import { BadRequestError } from '../http/errors.js';
import { queryOf, requestedCursor, requestedStreams } from '../http/request.js';
import { InvalidCursorError, LogClosedError } from '../log/errors.js';
import { PUSH_PROTOCOL } from './messages.js';
import type { WebSocketSettings } from './options.js';

/** A request that may be upgraded, and what it asks for. */
export interface Admitted {
  /** `''`: the client offered none. */
  readonly protocol: string;
  /** None: the client will subscribe by message. */
  readonly streams: readonly string[];
  readonly cursor: string | undefined;
  readonly credit: number | undefined;
  readonly peer: string | undefined;
}

/** Looks at a request, before anything is done for it. @throws what `stream` or `authorize` threw. */
export async function admit(
  req: IncomingMessage,
  settings: WebSocketSettings,
  full: boolean,
): Promise<Admitted | Refusal> {
  const refusal = messageRefusal(req, settings.origins);
  if (refusal !== undefined) return { status: refusal.code, body: refusal.message };
  if (full) return { status: 503, body: 'the server has too many clients', headers: { 'Retry-After': '1' } };
  const protocol = messageProtocol(req, [PUSH_PROTOCOL]);
  if (typeof protocol !== 'string') return { status: protocol.code, body: protocol.message };
  try {
    const streams = streamsOf(req, settings);
    const credit = creditOf(req);
    const verdict = settings.authorize === undefined ? {} : await askAuthorize(settings.authorize, req, streams);
    if (isRefusal(verdict)) return verdict;
    const peer = 'peer' in verdict ? verdict.peer : undefined;
    return { protocol, streams, cursor: requestedCursor(req), credit, peer: peer ?? req.socket.remoteAddress };
  } catch (error) {
    if (error instanceof BadRequestError) return { status: 400, body: error.message };
    throw error;
  }
}

/** How a follow that failed is answered before the upgrade; `undefined` for what is no fault of the client or of the time. */
export function followRefusal(error: unknown): Refusal | undefined {
  if (error instanceof InvalidCursorError || error instanceof InvalidArgumentError) {
    return { status: 400, body: error.message };
  }
  if (error instanceof LimitExceededError) return { status: 503, body: error.message, headers: { 'Retry-After': '5' } };
  if (error instanceof LogClosedError)
    return { status: 503, body: 'the server is shutting down', headers: { 'Retry-After': '1' } };
  return undefined;
}

/** Answers a request that is not upgraded. @throws InvalidArgumentError, before anything is sent, for unusable headers. */
export function refuseRequest(
  socket: Duplex,
  refusal: Refusal,
  { limits, clock }: { limits: Limits; clock: Clock },
): void {
  const { status, headers = {}, body = STATUS_CODES[status] ?? 'Refused' } = refusal;
  refuseUpgrade(socket, status, body, {
    headers: { 'Sec-WebSocket-Version': '13', ...textHeaders(headers) },
    timeout: limits.upgradeTimeout,
    clock,
  });
}

function streamsOf(req: IncomingMessage, { stream, wildcards }: WebSocketSettings): readonly string[] {
  if (stream === undefined && !queryOf(req).has('stream')) return [];
  return requestedStreams(req, stream, { wildcards });
}

function creditOf(req: IncomingMessage): number | undefined {
  const text = queryOf(req).get('credit');
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new BadRequestError('credit must be a whole number from 0');
  return Number(text);
}

function textHeaders(headers: OutgoingHttpHeaders): Record<string, string | string[]> {
  const texts: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) texts[name] = Array.isArray(value) ? value.map(String) : String(value);
  }
  return texts;
}
