import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { ConnectionLostError } from '../../errors/index.js';
import { UpgradeFailureError, failureStatus, refuseUpgrade, type Status } from '../../httpstream/index.js';
import { absorbErrors } from '../../httpstream/respond.js';
import { WebSocketChannels } from './connection.js';
import { framingOptions } from './framing.js';
import {
  resolveChannelOptions,
  type ChannelConnection,
  type ChannelOptions,
  type ResolvedChannelOptions,
} from './options.js';
import { isWebSocketRequest, offeredProtocols } from './request.js';

/** Why a request is turned away. */
export interface Refusal {
  /** HTTP status, 400 to 599. */
  readonly code: number;
  readonly message: string;
  /** Default: made of code and message. */
  readonly status?: Status;
}

/** Options of {@link acceptChannels}. */
export interface AcceptChannelsOptions extends ChannelOptions {
  /**
   * Looks at a request that is otherwise acceptable: at its Origin, say, which matters where browsers send ambient
   * credentials. What it returns is answered instead of the upgrade; when it throws, 500. Default: everything is accepted.
   */
  readonly verify?: (req: IncomingMessage) => Refusal | undefined | Promise<Refusal | undefined>;
}

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const KEEP_ALIVE_MILLISECONDS = 15_000;

/**
 * Answers a WebSocket request, as got from `server.on('upgrade', (req, socket, head) => …)`, and takes over its socket.
 *
 * Of the subprotocols offered, the client's first that is also in `options.protocols` is chosen. A client that offers
 * none gets the protocol `''`, which means the first version.
 *
 * A request that is not acceptable is answered with an HTTP status and a Kubernetes Status: 400 for a malformed one, 405
 * for a method other than GET, 403 when none of the subprotocols offered is known. kubectl tries SPDY then.
 *
 * @throws UpgradeFailureError when it was refused; ConnectionLostError when the client went away meanwhile;
 * InvalidArgumentError for unusable options, after answering 500.
 */
export async function acceptChannels(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: AcceptChannelsOptions,
): Promise<ChannelConnection> {
  absorbErrors(socket);
  const resolved = orRefuse(socket, () => resolveChannelOptions('server', options));
  const refusal = problemOf(req) ?? (await verified(req, options, socket));
  if (refusal !== undefined) throw refuse(socket, refusal, resolved);
  const protocol = choose(offeredProtocols(req), resolved.protocols);
  if (protocol === undefined) {
    const message = `none of the offered subprotocols is supported; supported: ${resolved.protocols.join(', ')}`;
    throw refuse(socket, { code: 403, message }, resolved);
  }
  if ('setKeepAlive' in socket && typeof socket.setKeepAlive === 'function') {
    socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
  }
  return orRefuse(socket, () => upgrade(req, socket, head, protocol, resolved));
}

/** Rules of RFC 6455, 4.2.1, and none of HTTP's ways to hide a second request behind an upgrade. */
function problemOf(req: IncomingMessage): Refusal | undefined {
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

async function verified(
  req: IncomingMessage,
  options: AcceptChannelsOptions,
  socket: Duplex,
): Promise<Refusal | undefined> {
  if (options.verify === undefined) return undefined;
  try {
    return await options.verify(req);
  } catch (error) {
    refuseUpgrade(socket, 500, 'the request could not be verified');
    throw new UpgradeFailureError('the request could not be verified', { statusCode: 500, cause: error });
  }
}

/** The client's first that is known; `''` when it offers none; `undefined` when nothing fits. */
function choose(offered: readonly string[], known: readonly string[]): string | undefined {
  return offered.length === 0 ? '' : offered.find((protocol) => known.includes(protocol));
}

function refuse(socket: Duplex, refusal: Refusal, options: ResolvedChannelOptions): UpgradeFailureError {
  const { code, message, status = failureStatus(code, message) } = refusal;
  refuseUpgrade(socket, code, message, {
    status,
    clock: options.clock,
    timeout: options.limits.upgradeTimeout,
    headers: { 'Sec-WebSocket-Version': '13' },
  });
  return new UpgradeFailureError(`refused with ${code}: ${message}`, { statusCode: code, status, initiator: 'remote' });
}

function orRefuse<T>(socket: Duplex, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConnectionLostError)) refuseUpgrade(socket, 500, 'the server is misconfigured');
    throw error;
  }
}

function upgrade(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
  options: ResolvedChannelOptions,
): ChannelConnection {
  // Decided before the 101 is out, so that a mistake in it can still be answered.
  const modes = options.modes(protocol);
  const settled = { ...options, modes: () => modes };
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    handleProtocols: () => protocol,
    ...framingOptions(options.limits),
  });
  let connection: ChannelConnection | undefined;
  server.handleUpgrade(handshakeView(req, protocol), socket, head, (webSocket: WebSocket) => {
    connection = new WebSocketChannels(webSocket, socket, protocol, settled);
  });
  // ws destroys a socket that is no longer open, and calls nobody.
  if (connection === undefined) throw new ConnectionLostError('the client went away', { initiator: 'remote' });
  return connection;
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
