import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isWebSocketRequest, offeredProtocols } from '../carrier/websocket/index.js';
import { InvalidArgumentError } from '../errors/index.js';
import {
  HEADER_PROTOCOL_VERSION,
  HandshakeError,
  absorbErrors,
  handshake,
  headerValues,
  isUpgradeRequest,
  refuseUpgrade,
} from '../httpstream/index.js';
import { SpdyResponseUpgrader, type SpdyConnectionOptions } from '../spdy/index.js';
import { PortNotAllowedError } from './errors.js';
import { parsePortQuery } from './ports.js';
import { BASE64_CHANNEL_PROTOCOL, CHANNEL_PROTOCOL, STREAM_PROTOCOL, TUNNEL_PROTOCOL } from './protocol.js';
import { serveChannels } from './serve-channels.js';
import { StreamSession } from './serve-streams.js';
import { serveTunnel } from './serve-tunnel.js';
import { resolveSettings, type ForwardSettings, type PortForwardHandlerOptions } from './settings.js';
import type { DialPort, PortForwardHandler } from './types.js';

/**
 * Serves port-forward requests: over SPDY, through the WebSocket tunnel, or over WebSocket channels, as the client asks.
 * `server.on('upgrade', portForwardHandler(({ port }) => net.connect(port, '10.0.0.7')))`.
 *
 * What is wrong before the upgrade is answered with an HTTP status and a Kubernetes Status: 400 for a wire that is not
 * spoken here, no stream protocol, or bad ports in the query; 403 for no protocol in common, and for a port or an
 * Origin that is not allowed. When a client goes, however it goes, its connections to the pod go with it.
 *
 * Sources: cri-streaming `portforward`, apiserver `proxy/streamtunnel.go`.
 *
 * @throws InvalidArgumentError for options out of range. What it returns never throws.
 */
export function portForwardHandler(dial: DialPort, options: PortForwardHandlerOptions = {}): PortForwardHandler {
  const settings = resolveSettings(dial, options);
  const { clock, limits, stallTimeout, idleTimeout, pingPeriod } = settings;
  const connection: SpdyConnectionOptions = {
    clock,
    limits,
    idleTimeout,
    pingPeriod,
    pingTimeout: 0,
    stallPolicy: stallTimeout === 0 ? 'pause' : { resetAfter: stallTimeout },
  };
  const upgrader = new SpdyResponseUpgrader(connection);
  return (req, socket, head) => {
    // In this very tick, or an early reset would end the process.
    absorbErrors(socket);
    keepAlive(socket);
    try {
      serve({ req, socket, head, settings, connection, upgrader });
    } catch (error) {
      refuse(socket, error, settings);
    }
  };
}

interface Upgrade {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly settings: ForwardSettings;
  readonly connection: SpdyConnectionOptions;
  readonly upgrader: SpdyResponseUpgrader;
}

function serve(upgrade: Upgrade): void {
  const { req, settings } = upgrade;
  if (settings.stopped()) throw new StoppedError();
  if (!isUpgradeRequest(req)) throw refusal('unable to upgrade: Connection must contain upgrade');
  const foreign = settings.originRefusal(req);
  if (foreign !== undefined) throw new ForeignOriginError(foreign.message);
  if (isWebSocketRequest(req)) serveWebSocket(upgrade);
  else serveSpdy(upgrade);
}

function serveSpdy({ req, socket, head, settings, upgrader }: Upgrade): void {
  const wanted = headerValues(req, 'upgrade').join(', ');
  if (!settings.transports.has('spdy') || !wanted.toLowerCase().includes('spdy/3.1')) {
    throw refusal(`unable to upgrade: port-forward is not served over ${JSON.stringify(wanted)}`);
  }
  const protocol = handshake(req, [STREAM_PROTOCOL]);
  const session = new StreamSession(req, settings);
  const connection = upgrader.upgradeResponse(req, socket, head, session.handle, {
    [HEADER_PROTOCOL_VERSION]: protocol,
  });
  if (connection !== undefined) session.attach(connection);
}

function serveWebSocket({ req, socket, head, settings, connection }: Upgrade): void {
  const offered = offeredProtocols(req);
  const { transports } = settings;
  const spoken = new Set([
    ...(transports.has('tunnel') ? [TUNNEL_PROTOCOL] : []),
    ...(transports.has('websocket') ? [CHANNEL_PROTOCOL, BASE64_CHANNEL_PROTOCOL] : []),
  ]);
  // None at all means the first version of the channels.
  const chosen = offered.length === 0 ? CHANNEL_PROTOCOL : offered.find((name) => spoken.has(name));
  if (chosen === undefined || !spoken.has(chosen)) {
    throw refusal(`unable to upgrade: none of the WebSocket subprotocols is served: ${JSON.stringify(offered)}`);
  }
  const accepted =
    chosen === TUNNEL_PROTOCOL
      ? serveTunnel(req, socket, head, settings, connection)
      : serveChannels(req, socket, head, chosen, portsOf(req, chosen, settings), settings);
  // Whoever refuses there has answered.
  accepted.catch(() => {});
}

/** Two channels for each port; 255 are there, or 80 in base64. */
function portsOf(req: IncomingMessage, protocol: string, settings: ForwardSettings): readonly number[] {
  const url = req.url ?? '';
  const start = url.indexOf('?');
  const room = protocol === BASE64_CHANNEL_PROTOCOL ? 40 : 127;
  const most = Math.min(room, settings.maxConnections);
  const ports = parsePortQuery(new URLSearchParams(start === -1 ? '' : url.slice(start + 1)), most);
  for (const port of ports) settings.checkPort(port);
  return ports;
}

/** A browser asks, for a page that nobody has allowed. */
class ForeignOriginError extends Error {}

/** The handler was stopped by its signal. */
class StoppedError extends Error {}

function refusal(message: string): InvalidArgumentError {
  return new InvalidArgumentError(message, { initiator: 'remote' });
}

/** The kernel then finds out about a peer that vanished, without asking it to read anything. */
function keepAlive(socket: Duplex): void {
  if ('setKeepAlive' in socket && typeof socket.setKeepAlive === 'function') socket.setKeepAlive(true, 30_000);
}

function refuse(socket: Duplex, error: unknown, { clock, limits }: ForwardSettings): void {
  const options = { clock, timeout: limits.upgradeTimeout };
  if (error instanceof HandshakeError) {
    refuseUpgrade(socket, error.statusCode, error.message, { ...options, headers: error.headers });
  } else if (error instanceof PortNotAllowedError || error instanceof ForeignOriginError) {
    refuseUpgrade(socket, 403, error.message, options);
  } else if (error instanceof InvalidArgumentError && error.initiator === 'remote') {
    refuseUpgrade(socket, 400, error.message, options);
  } else if (error instanceof StoppedError) {
    refuseUpgrade(socket, 503, 'the server stops', options);
  } else {
    // A fault of this side, whose text is no business of the client.
    refuseUpgrade(socket, 500, 'unable to upgrade: internal error', options);
  }
}
