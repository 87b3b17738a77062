import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HeadersInit } from '../../httpstream/index.js';
import { absorbErrors } from '../../httpstream/respond.js';
import { WebSocketDuplex } from './duplex.js';
import { checkProtocols, resolveByteStream, type ByteStreamOptions } from './duplex-options.js';
import type { Refusal, Verify } from './refusal.js';
import {
  chooseProtocol,
  completeUpgrade,
  orRefuse,
  problemOf,
  refuse,
  verified,
  verifiedNow,
} from './server-handshake.js';

/** What both ways to accept a byte stream take. */
export interface ByteStreamOffer extends ByteStreamOptions {
  /**
   * Subprotocols that are accepted. Names need not be tokens (`SPDY/3.1+portforward.k8s.io`); a comma, a space or
   * anything beyond ASCII cannot be negotiated.
   */
  readonly protocols: readonly string[];
  /** Go into the 101. */
  readonly headers?: HeadersInit;
}

/** Options of {@link acceptWebSocketDuplex}. */
export interface AcceptWebSocketDuplexOptions extends ByteStreamOffer {
  /**
   * Looks at a request that is otherwise acceptable: at its Origin, say, which matters where browsers send ambient
   * credentials. What it returns is answered instead of the upgrade; when it throws, 500. Default: everything is accepted.
   */
  readonly verify?: Verify;
}

/** The server's end of a byte stream inside a WebSocket. */
export interface AcceptedDuplex {
  readonly duplex: Duplex;
  /** The subprotocol chosen. */
  readonly protocol: string;
}

/**
 * Answers a WebSocket request, as got from `server.on('upgrade', (req, socket, head) => …)`, takes over its socket, and
 * gives the WebSocket as a byte stream (see `webSocketDuplex`).
 *
 * Of the subprotocols offered, the client's first that is also in `options.protocols` is chosen. A request that is not
 * acceptable is answered as `acceptChannels` does: 400 for a malformed one, 405 for a method other than GET, 403 when none
 * of the subprotocols offered is known, or none is offered.
 *
 * @throws UpgradeFailureError when it was refused; ConnectionLostError when the client went away meanwhile;
 * InvalidArgumentError for unusable options, after answering 500.
 */
export async function acceptWebSocketDuplex(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: AcceptWebSocketDuplexOptions,
): Promise<AcceptedDuplex> {
  absorbErrors(socket);
  const verdict = problemOf(req) ?? (await verified(req, options.verify, socket));
  return acceptDuplexNow(req, socket, head, options, () => verdict);
}

/** The same without a wait: `verify` answers at once. Throws as {@link acceptWebSocketDuplex}. */
export function acceptDuplexNow(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: ByteStreamOffer,
  verify: (req: IncomingMessage) => Refusal | undefined,
): AcceptedDuplex {
  absorbErrors(socket);
  const { clock, limits } = orRefuse(socket, () => {
    checkProtocols(options.protocols);
    return resolveByteStream(options);
  });
  const refusal = problemOf(req) ?? verifiedNow(req, verify, socket);
  if (refusal !== undefined) throw refuse(socket, refusal, { clock, limits });
  const protocol = chooseProtocol(req, options.protocols, false);
  if (typeof protocol !== 'string') throw refuse(socket, protocol, { clock, limits });
  return orRefuse(socket, () =>
    completeUpgrade(req, socket, head, { protocol, limits, headers: options.headers }, (webSocket) => ({
      duplex: new WebSocketDuplex(webSocket, { role: 'server', socket, answerPings: true, limits, clock }),
      protocol,
    })),
  );
}
