import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, type ClientOptions } from 'ws';
import { ConnectionLostError, TimeoutError } from '../../errors/index.js';
import { UpgradeFailureError, parseStatus, type UpgradeResponse } from '../../httpstream/index.js';
import type { Limits } from '../../limits/limits.js';
import { redactUrl } from '../dial.js';
import { readBody } from '../read-body.js';
import { framingOptions } from './framing.js';

/** A handshake to be made over a connected socket. */
export interface ClientHandshake {
  readonly url: URL;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** Subprotocols to offer. ws gets none of them: it takes only tokens, and Kubernetes has names that are none. */
  readonly protocols: readonly string[];
  readonly socket: Duplex;
  readonly signal: AbortSignal;
  readonly limits: Limits;
  /** Gets the whole of an answer other than 101, before the error that is made of it. */
  readonly onRefusal?: ((answer: UpgradeResponse) => void) | undefined;
}

/** A WebSocket as it comes out of the handshake. */
export interface OpenedWebSocket {
  readonly webSocket: WebSocket;
  /** The subprotocol chosen; the empty string when none was offered. */
  readonly protocol: string;
  /** Headers of the 101. */
  readonly headers: IncomingHttpHeaders;
}

const PROTOCOL_HEADER = 'sec-websocket-protocol';

/**
 * Makes the handshake and gives the open WebSocket to `adopt`, in the tick in which it opened. Throws as `dialWebSocket`;
 * the caller destroys the socket then.
 */
export function openWebSocket<T>(handshake: ClientHandshake, adopt: (opened: OpenedWebSocket) => T): Promise<T> {
  const { limits, protocols, signal, url, socket } = handshake;
  signal.throwIfAborted();
  const webSocket = new WebSocket(withoutCredentials(url), [], clientOptions(handshake));
  return new Promise((resolve, reject) => {
    let agreed: Omit<OpenedWebSocket, 'webSocket'> | undefined;
    let settled = false;
    let refusing = false;
    const onAbort = (): void => {
      // A refusal is one, also when the rest of its body never comes: reading it ends with the socket.
      if (refusing && signal.reason instanceof TimeoutError) socket.destroy();
      else fail(signal.reason as Error);
    };
    const settle = (): void => {
      settled = true;
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error): void => {
      if (settled) return;
      settle();
      reject(error);
      webSocket.terminate();
    };
    signal.addEventListener('abort', onAbort, { once: true });
    webSocket.on('error', (error) => fail(handshakeError(url, error, agreed !== undefined)));
    webSocket.once('upgrade', (response) => {
      const headers = { ...response.headers };
      const protocol = headers[PROTOCOL_HEADER];
      agreed = { headers, protocol: protocol ?? '' };
      const problem = protocolProblem(protocols, protocol);
      if (problem !== undefined) return fail(handshakeError(url, new Error(problem), true));
      // ws, which offered none, would take it for a mistake.
      delete response.headers[PROTOCOL_HEADER];
    });
    webSocket.once('unexpected-response', (_request, response) => {
      refusing = true;
      void readBody(response, limits.errorBodyBytes).then((body) => {
        const answer = refusal(response, body);
        handshake.onRefusal?.(answer);
        fail(refused(url, answer));
      });
    });
    webSocket.once('open', () => {
      if (agreed === undefined || settled) return;
      try {
        resolve(adopt({ webSocket, ...agreed }));
        settle();
      } catch (error) {
        // What the caller's functions threw.
        fail(error as Error);
      }
    });
  });
}

function clientOptions({ headers, limits, protocols, socket }: ClientHandshake): ClientOptions {
  return {
    // Here, and not as `headers`, because a header can have several values.
    finishRequest: (request) => {
      for (const [name, values] of Object.entries(headers)) request.setHeader(name, values);
      if (protocols.length > 0) request.setHeader('Sec-WebSocket-Protocol', protocols.join(','));
      request.end();
    },
    followRedirects: false,
    skipUTF8Validation: true,
    // The socket is connected; http only needs it to be a stream.
    createConnection: () => socket as Socket,
    ...framingOptions(limits),
  };
}

/** RFC 6455, 4.1: the server's choice is one of those offered. */
function protocolProblem(offered: readonly string[], chosen: string | undefined): string | undefined {
  if (chosen === undefined) return offered.length > 0 ? 'Server sent no subprotocol' : undefined;
  if (offered.length === 0) return 'Server sent a subprotocol but none was requested';
  return offered.includes(chosen) ? undefined : 'Server sent an invalid subprotocol';
}

function withoutCredentials(url: URL): URL {
  const bare = new URL(url);
  bare.username = '';
  bare.password = '';
  bare.hash = '';
  return bare;
}

function handshakeError(url: URL, error: Error, answered: boolean): Error {
  const message = `${redactUrl(url)}: ${error.message}`;
  if (answered) return new UpgradeFailureError(message, { statusCode: 101, cause: error, initiator: 'remote' });
  const malformed = 'code' in error && typeof error.code === 'string' && error.code.startsWith('HPE_');
  if (malformed) return new UpgradeFailureError(message, { cause: error, initiator: 'remote' });
  return new ConnectionLostError(message, { cause: error });
}

function refusal({ headers, statusCode, statusMessage }: IncomingMessage, body: Buffer): UpgradeResponse {
  const head = Buffer.alloc(0);
  return { statusCode: statusCode ?? 0, statusMessage: statusMessage ?? '', headers, body, head, socket: undefined };
}

function refused(url: URL, { body, statusCode, statusMessage }: UpgradeResponse): UpgradeFailureError {
  const text = body.toString('utf8');
  const status = parseStatus(text);
  const detail = status?.message ?? text.trim().slice(0, 256);
  const message = `${redactUrl(url)} answered ${statusCode} ${statusMessage}`.trimEnd();
  return new UpgradeFailureError(detail === '' ? message : `${message}: ${detail}`, {
    statusCode,
    ...(status === undefined ? {} : { status }),
    body: text,
    initiator: 'remote',
  });
}
