import type { IncomingMessage } from 'node:http';
import {
  acceptDuplexNow,
  isWebSocketRequest,
  offeredProtocols,
  type AcceptedDuplex,
} from '../carrier/websocket/index.js';
import { ConnectionLostError } from '../errors/index.js';
import { HEADER_PROTOCOL_VERSION } from '../httpstream/index.js';
import { UPGRADE_TOKEN } from '../spdy/token.js';
import { TUNNEL_PREFIX } from '../websocket/subprotocols.js';
import { CallerGoneError } from './attempt.js';
import type { BackendAnswer } from './exchange.js';
import { valuesOf } from './fields.js';
import { resolveProxyOptions, type UpgradeAwareProxyOptions } from './options.js';
import { pump } from './pump.js';
import { RefusedError, badRequest } from './refusal.js';
import type { Field } from './request-text.js';
import { forwardUpgrade, pumpOptions, refuseAsBackend } from './upgrade.js';
import { upgradeHandler, type UpgradeCall, type UpgradeHandler } from './upgrade-call.js';

/** How {@link streamTunnel} works. */
export type StreamTunnelOptions = UpgradeAwareProxyOptions;

const SUFFIX = 'k8s.io';
const WEB_SOCKET_HEADER = /^sec-websocket-/;

/** The stream protocols that a request offers to tunnel: `SPDY/3.1+portforward.k8s.io` offers `portforward.k8s.io`. */
function tunnelledProtocols(req: Pick<IncomingMessage, 'headersDistinct'>): readonly string[] {
  return offeredProtocols(req)
    .filter((name) => name.startsWith(TUNNEL_PREFIX) && name.endsWith(SUFFIX))
    .map((name) => name.slice(TUNNEL_PREFIX.length));
}

/**
 * Whether a request asks for a tunnel: a WebSocket that offers a subprotocol `SPDY/3.1+….k8s.io`
 * (apimachinery `wsstream.IsWebSocketRequestWithTunnelingProtocol`).
 */
export function isTunnelRequest(req: Pick<IncomingMessage, 'headersDistinct'>): boolean {
  return isWebSocketRequest(req) && tunnelledProtocols(req).length > 0;
}

/**
 * Makes an upgrade handler that takes a SPDY connection out of the WebSocket it comes in (`SPDY/3.1+….k8s.io`, as
 * kubectl port-forward sends it) and proxies it to a backend that speaks SPDY alone (apiserver `TunnelingHandler`).
 *
 * The backend is asked first, by a POST with `Upgrade: SPDY/3.1`; the WebSocket is accepted only when it upgrades, with
 * the protocol that it chose. Otherwise its answer is passed on, and kubectl falls back. A request that offers no tunnel
 * gets 400: send it elsewhere by {@link isTunnelRequest}.
 *
 * @throws InvalidArgumentError for options that cannot work. What it returns never throws.
 */
export function streamTunnel(options: StreamTunnelOptions): UpgradeHandler {
  return upgradeHandler(resolveProxyOptions(options), serveTunnel);
}

async function serveTunnel(call: UpgradeCall): Promise<void> {
  const { req } = call;
  const protocols = isWebSocketRequest(req) ? tunnelledProtocols(req) : [];
  if (protocols.length === 0) throw badRequest('unable to upgrade: no tunneling spdy protocols provided');
  const answer = await forwardUpgrade(call, {
    method: 'POST',
    upgrade: UPGRADE_TOKEN,
    without: (name) =>
      WEB_SOCKET_HEADER.test(name) || name === 'content-length' || name === HEADER_PROTOCOL_VERSION.toLowerCase(),
    fields: [['Content-Length', '0'], ...protocols.map((protocol): Field => [HEADER_PROTOCOL_VERSION, protocol])],
  });
  if (answer.head.statusCode !== 101) return await refuseAsBackend(call, answer);
  if (call.socket.readableEnded) {
    answer.socket.destroy();
    throw new CallerGoneError();
  }
  const accepted = acceptTunnel(call, answer);
  if (accepted === undefined) return;
  await pump(
    { socket: accepted.duplex, early: Buffer.alloc(0) },
    { socket: answer.socket, early: answer.rest },
    {
      ...pumpOptions(call.settings),
      // A WebSocket has no half-close.
      halfCloseTimeout: 0,
    },
  );
}

/**
 * Upgrades the caller's side. `undefined`: the caller's request was not acceptable, which it has been told.
 *
 * @throws RefusedError when the backend's 101 is no upgrade to SPDY.
 */
function acceptTunnel(call: UpgradeCall, { head, socket: backend }: BackendAnswer): AcceptedDuplex | undefined {
  const { held, req, settings, socket } = call;
  const contains = (name: string, text: string): boolean =>
    valuesOf(head.fields, name).some((value) => value.toLowerCase().includes(text.toLowerCase()));
  const [chosen = ''] = valuesOf(head.fields, HEADER_PROTOCOL_VERSION.toLowerCase());
  if (!contains('connection', 'upgrade') || !contains('upgrade', UPGRADE_TOKEN) || chosen === '') {
    backend.destroy();
    throw new RefusedError({ code: 500, message: 'unable to upgrade: missing upgrade headers in response' });
  }
  const { clock, limits } = settings;
  try {
    const options = { protocols: [`${TUNNEL_PREFIX}${chosen}`], limits, clock };
    const accepted = acceptDuplexNow(req, socket, held.release(), options, () => undefined);
    // It was paused while nobody listened.
    socket.resume();
    return accepted;
  } catch (error) {
    backend.destroy();
    if (error instanceof ConnectionLostError) socket.destroy();
    return undefined;
  }
}
