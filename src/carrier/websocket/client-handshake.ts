import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, type ClientOptions } from 'ws';
import { ConnectionLostError, TimeoutError } from '../../errors/index.js';
import { UpgradeFailureError, parseStatus } from '../../httpstream/index.js';
import { redactUrl } from '../dial.js';
import { readBody } from '../read-body.js';
import { WebSocketChannels } from './connection.js';
import { framingOptions } from './framing.js';
import type { ChannelConnection, ResolvedChannelOptions } from './options.js';

/** A handshake to be made over a connected socket. */
export interface ClientHandshake {
  readonly url: URL;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly socket: Duplex;
  readonly signal: AbortSignal;
  readonly options: ResolvedChannelOptions;
}

/** Makes the handshake. Throws as `dialChannels`; the caller destroys the socket then. */
export function openWebSocket(handshake: ClientHandshake): Promise<ChannelConnection> {
  const { headers, options, signal, socket, url } = handshake;
  signal.throwIfAborted();
  const clientOptions: ClientOptions = {
    // Here, and not as `headers`, because a header can have several values.
    finishRequest: (request) => {
      for (const [name, values] of Object.entries(headers)) request.setHeader(name, values);
      request.end();
    },
    followRedirects: false,
    skipUTF8Validation: true,
    // The socket is connected; http only needs it to be a stream.
    createConnection: () => socket as Socket,
    ...framingOptions(options.limits),
  };
  const webSocket = new WebSocket(withoutCredentials(url), [...options.protocols], clientOptions);
  return new Promise((resolve, reject) => {
    let answered = false;
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
    webSocket.on('error', (error) => fail(handshakeError(url, error, answered)));
    webSocket.once('upgrade', () => {
      answered = true;
    });
    webSocket.once('unexpected-response', (_request, response) => {
      refusing = true;
      void readBody(response, options.limits.errorBodyBytes).then((body) => fail(refused(url, response, body)));
    });
    webSocket.once('open', () => {
      try {
        resolve(new WebSocketChannels(webSocket, socket, webSocket.protocol, options));
        settle();
      } catch (error) {
        // What the caller's functions threw.
        fail(error as Error);
      }
    });
  });
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

function refused(url: URL, response: IncomingMessage, body: Buffer): UpgradeFailureError {
  const statusCode = response.statusCode ?? 0;
  const text = body.toString('utf8');
  const status = parseStatus(text);
  const detail = status?.message ?? text.trim().slice(0, 256);
  const message = `${redactUrl(url)} answered ${statusCode} ${response.statusMessage ?? ''}`.trimEnd();
  return new UpgradeFailureError(detail === '' ? message : `${message}: ${detail}`, {
    statusCode,
    ...(status === undefined ? {} : { status }),
    body: text,
    initiator: 'remote',
  });
}
