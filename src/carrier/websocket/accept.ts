import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { absorbErrors } from '../../httpstream/respond.js';
import { WebSocketChannels } from './connection.js';
import { resolveChannelOptions, type ChannelConnection, type ChannelOptions } from './options.js';
import type { Verify } from './refusal.js';
import { chooseProtocol, completeUpgrade, orRefuse, problemOf, refuse, verified } from './server-handshake.js';

/** Options of {@link acceptChannels}. */
export interface AcceptChannelsOptions extends ChannelOptions {
  /**
   * Looks at a request that is otherwise acceptable: at its Origin, say, which matters where browsers send ambient
   * credentials. What it returns is answered instead of the upgrade; when it throws, 500. Default: everything is accepted.
   */
  readonly verify?: Verify;
}

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
  const refusal = problemOf(req) ?? (await verified(req, options.verify, socket));
  if (refusal !== undefined) throw refuse(socket, refusal, resolved);
  const protocol = chooseProtocol(req, resolved.protocols, true);
  if (typeof protocol !== 'string') throw refuse(socket, protocol, resolved);
  return orRefuse(socket, () => {
    // Decided before the 101 is out, so that a mistake in it can still be answered.
    const modes = resolved.modes(protocol);
    const settled = { ...resolved, modes: () => modes };
    return completeUpgrade(
      req,
      socket,
      head,
      { protocol, limits: resolved.limits },
      (webSocket) => new WebSocketChannels(webSocket, socket, protocol, settled),
    );
  });
}
