import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../clock/clock.js';
import { isWebSocketRequest, originRefusal, type OriginOptions } from '../carrier/websocket/index.js';
import { InvalidArgumentError } from '../errors/index.js';
import { HandshakeError, absorbErrors, isUpgradeRequest, refuseUpgrade } from '../httpstream/index.js';
import { resolveLimits, type Limits } from '../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { SpdyResponseUpgrader } from '../spdy/index.js';
import { PROTOCOLS, SPDY_SERVER_PROTOCOLS } from './protocol.js';
import { parseQuery, type TtyWithStderr } from './query.js';
import { acceptSpdyStreams } from './serve-spdy.js';
import { acceptWebSocketStreams } from './serve-websocket.js';
import { ServerSession, serveSession } from './session.js';
import type {
  RemoteCommandHandler,
  RemoteCommandProtocol,
  RemoteCommandRequest,
  RemoteCommandSession,
  RunRemoteCommand,
} from './types.js';

/** How {@link remoteCommandHandler} serves, and which pages may have browsers ask: by default only those of its own host. */
export interface RemoteCommandHandlerOptions extends OriginOptions {
  /** Whether WebSockets are accepted. `false` refuses them with 400, upon which clients fall back to SPDY. Default true. */
  readonly webSocket?: boolean;
  /** Protocols for SPDY, where the client's preference decides. Default v4 to v1, as the originals list. */
  readonly spdyProtocols?: readonly RemoteCommandProtocol[];
  /** A terminal has one output: drop a wish for stderr (the kubelet's way), or refuse with 400 (the CRI's). Default drop. */
  readonly ttyWithStderr?: TtyWithStderr;
  /** Milliseconds for the client to open all SPDY streams; then the connection is closed. Default 30,000. */
  readonly creationTimeout?: number;
  /** Milliseconds without activity after which the session ends; 0 for never. Default 14,400,000 (4 hours). */
  readonly idleTimeout?: number;
  /**
   * Milliseconds for the client to take the tail of the output, once all is handed over: a slow reader can have
   * megabytes to go that are in the hands of the kernels. Default 600,000 (10 minutes).
   */
  readonly drainTimeout?: number;
  /** Milliseconds for the client to close a SPDY connection, once it has everything. Default 10,000. */
  readonly closeTimeout?: number;
  /**
   * Milliseconds between pings; 0 for none. They show that a client is gone while its stdin waits unread. No answer is
   * asked for: a client that is busy writing to a full pipe gives none, and is well. Default 30,000.
   */
  readonly pingPeriod?: number;
  /**
   * Bounds on the client. `writeTimeout` is 0 (off) unless given: a terminal that is scrolled back, or `kubectl exec … |
   * less`, takes nothing for hours and is well.
   */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Told of what the application throws, beside the client, which gets an internal error. */
  readonly onError?: (error: unknown, session: RemoteCommandSession) => void;
}

const OPTIONS: OptionNames<RemoteCommandHandlerOptions> = {
  allowedOrigins: true,
  allowedHosts: true,
  webSocket: true,
  spdyProtocols: true,
  ttyWithStderr: true,
  creationTimeout: true,
  idleTimeout: true,
  drainTimeout: true,
  closeTimeout: true,
  pingPeriod: true,
  limits: true,
  clock: true,
  onError: true,
};

const HOUR = 3_600_000;

/**
 * Serves exec and attach requests, over SPDY or WebSocket as the client asks:
 * `server.on('upgrade', remoteCommandHandler(async (session) => …))`.
 *
 * What is wrong before the upgrade is answered with an HTTP status and a Kubernetes Status: 400 for a bad query or no
 * stream protocol, 403 for none in common, and for an Origin or Host that {@link OriginOptions} does not allow.
 *
 * Sources: cri-streaming `remotecommand/httpstream.go` and `exec.go`, apiserver `wsstream`.
 *
 * @throws InvalidArgumentError for options out of range. What it returns never throws.
 */
export function remoteCommandHandler(
  run: RunRemoteCommand,
  options: RemoteCommandHandlerOptions = {},
): RemoteCommandHandler {
  if (typeof run !== 'function') throw new InvalidArgumentError('a function that serves sessions is needed');
  checkOptionNames('remoteCommandHandler', options, OPTIONS);
  const { allowedOrigins = [] } = options;
  if (allowedOrigins !== 'any' && !Array.isArray(allowedOrigins)) {
    throw new InvalidArgumentError("allowedOrigins must be a list of origins, or 'any'");
  }
  const serve = acceptor(options);
  const onError = options.onError ?? (() => {});
  return (req, socket, head) => {
    // In this very tick, or an early reset would end the process.
    absorbErrors(socket);
    keepAlive(socket);
    const foreign = originRefusal(req, options);
    if (foreign !== undefined) return refuseUpgrade(socket, foreign.code, foreign.message);
    void serve(req, socket, head).then(
      (session) => (session === undefined ? undefined : serveSession(session, run, onError)),
      (error: unknown) => refuse(socket, error),
    );
  };
}

/** Rejects only while the request can still be answered; `undefined` when it was, or when the client is gone. */
type Acceptor = (req: IncomingMessage, socket: Duplex, head: Buffer) => Promise<ServerSession | undefined>;

function acceptor(options: RemoteCommandHandlerOptions): Acceptor {
  for (const protocol of options.spdyProtocols ?? []) {
    if (!PROTOCOLS.includes(protocol)) throw new InvalidArgumentError(`unknown protocol in spdyProtocols: ${protocol}`);
  }
  const clock = options.clock ?? systemClock;
  const limits = resolveLimits({ writeTimeout: 0, ...options.limits });
  const idleTimeout = milliseconds('idleTimeout', options.idleTimeout, 4 * HOUR);
  const pingPeriod = milliseconds('pingPeriod', options.pingPeriod, 30_000);
  const spdy = {
    upgrader: new SpdyResponseUpgrader({
      limits,
      clock,
      idleTimeout,
      pingPeriod,
      pingTimeout: 0,
      stallPolicy: 'pause',
    }),
    protocols: options.spdyProtocols ?? SPDY_SERVER_PROTOCOLS,
    creationTimeout: milliseconds('creationTimeout', options.creationTimeout, 30_000),
    drainTimeout: milliseconds('drainTimeout', options.drainTimeout, 600_000),
    closeTimeout: milliseconds('closeTimeout', options.closeTimeout, 10_000),
    clock,
  };
  // On a WebSocket the answer to the closing handshake shows that the client has taken everything.
  const webSocket = {
    limits: { ...limits, closeTimeout: spdy.drainTimeout },
    heartbeat: pingPeriod > 0 && { period: pingPeriod, timeout: Infinity },
    clock,
    idleTimeout,
  } as const;
  return async (req, socket, head) => {
    const request = parseRequest(req, options.ttyWithStderr);
    if (!isWebSocketRequest(req)) {
      const streams = await acceptSpdyStreams(req, socket, head, request, spdy);
      return streams && new ServerSession(streams, request, req);
    }
    if (options.webSocket === false) {
      throw new InvalidArgumentError('unable to upgrade: WebSocket is turned off', { initiator: 'remote' });
    }
    try {
      const streams = await acceptWebSocketStreams(req, socket, head, request, webSocket);
      return new ServerSession(streams, request, req);
    } catch {
      // Already answered.
      return undefined;
    }
  };
}

function milliseconds(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError(`${name} must be a number of milliseconds, not ${value}`);
}

function parseRequest(req: IncomingMessage, ttyWithStderr: TtyWithStderr | undefined): RemoteCommandRequest {
  if (!isUpgradeRequest(req)) {
    throw new InvalidArgumentError('unable to upgrade: Connection must contain upgrade', { initiator: 'remote' });
  }
  const url = req.url ?? '';
  const start = url.indexOf('?');
  return parseQuery(new URLSearchParams(start === -1 ? '' : url.slice(start + 1)), ttyWithStderr);
}

/** The kernel then finds out about a peer that vanished, without asking it to read anything. */
function keepAlive(socket: Duplex): void {
  if ('setKeepAlive' in socket && typeof socket.setKeepAlive === 'function') socket.setKeepAlive(true, 30_000);
}

function refuse(socket: Duplex, error: unknown): void {
  if (error instanceof HandshakeError) {
    refuseUpgrade(socket, error.statusCode, error.message, { headers: error.headers });
  } else if (error instanceof InvalidArgumentError && error.initiator === 'remote') {
    refuseUpgrade(socket, 400, error.message);
  } else {
    // A fault of this side, whose text is no business of the client.
    refuseUpgrade(socket, 500, 'unable to upgrade: internal error');
  }
}
