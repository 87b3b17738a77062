import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Clock } from '../../clock/clock.js';
import { ConnectionLostError, InvalidArgumentError } from '../../errors/index.js';
import {
  StreamHeaders,
  UpgradeFailureError,
  failureStatus,
  refuseUpgrade,
  type HeadersInit,
} from '../../httpstream/index.js';
import type { Limits } from '../../limits/limits.js';
import { framingOptions } from './framing.js';
import type { Refusal, Verify } from './refusal.js';
import { isWebSocketRequest, offeredProtocols } from './request.js';

/** What answering a request needs. */
export interface AnswerSettings {
  readonly limits: Limits;
  readonly clock: Clock;
}

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const KEEP_ALIVE_MILLISECONDS = 15_000;
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const OWN_FIELDS = /^(connection|upgrade|sec-websocket-.*|content-length|transfer-encoding)$/;

/** Rules of RFC 6455, 4.2.1, and none of HTTP's ways to hide a second request behind an upgrade. */
export function problemOf(req: IncomingMessage): Refusal | undefined {
  if (req.method !== 'GET') return { code: 405, message: `WebSocket requests use GET, not ${req.method ?? ''}` };
  if (!isWebSocketRequest(req)) return { code: 400, message: 'not a WebSocket request' };
  if (req.headersDistinct['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) !== 0) {
    return { code: 400, message: 'a WebSocket request has no body' };
  }
  if (req.headers['sec-websocket-version'] !== '13') {
    return { code: 400, message: 'Sec-WebSocket-Version must be 13' };
  }
  if (!KEY.test(req.headers['sec-websocket-key'] ?? '')) {
    return { code: 400, message: 'Sec-WebSocket-Key is missing or malformed' };
  }
  return undefined;
}

/** The client's first that is known; `''` when it offers none and that is allowed; a refusal when nothing fits. */
export function chooseProtocol(req: IncomingMessage, known: readonly string[], anonymous: boolean): string | Refusal {
  const offered = offeredProtocols(req);
  if (offered.length === 0 && anonymous) return '';
  const chosen = offered.find((protocol) => known.includes(protocol));
  if (chosen !== undefined) return chosen;
  return {
    code: 403,
    message: `none of the offered subprotocols is supported; supported: ${known.join(', ')}`,
  };
}

/** What the caller's own check says. @throws UpgradeFailureError when it threw, after answering 500. */
export async function verified(
  req: IncomingMessage,
  verify: Verify | undefined,
  socket: Duplex,
): Promise<Refusal | undefined> {
  try {
    return await verify?.(req);
  } catch (error) {
    throw unverified(socket, error);
  }
}

/** The same without a wait. */
export function verifiedNow(
  req: IncomingMessage,
  verify: (req: IncomingMessage) => Refusal | undefined,
  socket: Duplex,
): Refusal | undefined {
  try {
    return verify(req);
  } catch (error) {
    throw unverified(socket, error);
  }
}

function unverified(socket: Duplex, cause: unknown): UpgradeFailureError {
  const message = 'the request could not be verified';
  refuseUpgrade(socket, 500, message);
  return new UpgradeFailureError(message, { statusCode: 500, cause });
}

/** Answers a refusal; the error to throw. */
export function refuse(socket: Duplex, refusal: Refusal, { clock, limits }: AnswerSettings): UpgradeFailureError {
  const { code, message, status = failureStatus(code, message) } = refusal;
  refuseUpgrade(socket, code, message, {
    status,
    clock,
    timeout: limits.upgradeTimeout,
    headers: { 'Sec-WebSocket-Version': '13' },
  });
  return new UpgradeFailureError(`refused with ${code}: ${message}`, { statusCode: code, status, initiator: 'remote' });
}

/** Does what this side may have wrong; answers 500 when it throws. */
export function orRefuse<T>(socket: Duplex, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) refuseUpgrade(socket, 500, 'the server is misconfigured');
    throw error;
  }
}

/**
 * Sends the 101 and gives the open WebSocket to `adopt`, within this call. `headers` go into the 101.
 *
 * @throws ConnectionLostError when the client went away; InvalidArgumentError, before anything is sent, for headers
 * outside the grammar.
 */
export function completeUpgrade<T>(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  settings: { readonly protocol: string; readonly limits: Limits; readonly headers?: HeadersInit | undefined },
  adopt: (webSocket: WebSocket) => T,
): T {
  const { limits, protocol } = settings;
  const lines = headerLines(settings.headers);
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    handleProtocols: () => protocol,
    ...framingOptions(limits),
  });
  server.on('headers', (headers) => headers.push(...lines));
  if ('setKeepAlive' in socket && typeof socket.setKeepAlive === 'function') {
    socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
  }
  let adopted: { readonly value: T } | undefined;
  server.handleUpgrade(handshakeView(req, protocol), socket, head, (webSocket: WebSocket) => {
    adopted = { value: adopt(webSocket) };
  });
  // ws destroys a socket that is no longer open, and calls nobody.
  if (adopted === undefined) throw new ConnectionLostError('the client went away', { initiator: 'remote' });
  return adopted.value;
}

/** Lines for the 101. @throws InvalidArgumentError */
function headerLines(init: HeadersInit | undefined): string[] {
  return [...new StreamHeaders(init)].map(([name, value]) => {
    if (OWN_FIELDS.test(name)) throw new InvalidArgumentError(`the handshake sets header ${name} itself`);
    if (!FIELD_VALUE.test(value)) {
      throw new InvalidArgumentError(`header ${name} has characters that HTTP cannot carry`);
    }
    return `${name}: ${value}`;
  });
}

/** What ws needs to know of the request; the subprotocol is decided, and ws would refuse some legal lists. */
function handshakeView(req: IncomingMessage, protocol: string): IncomingMessage {
  const headers = {
    upgrade: 'websocket',
    'sec-websocket-key': req.headers['sec-websocket-key'],
    'sec-websocket-version': '13',
    ...(protocol === '' ? {} : { 'sec-websocket-protocol': 'chosen' }),
  };
  return Object.create(req, { headers: { value: headers } }) as IncomingMessage;
}
