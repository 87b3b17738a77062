import type { IncomingMessage } from 'node:http';
import { isUpgradeRequest } from '../../httpstream/index.js';

/**
 * Whether the request asks for a WebSocket: `Upgrade` is `websocket` and `Connection` contains `upgrade`, without regard
 * to case.
 *
 * Source: apimachinery `wsstream.IsWebSocketRequest`.
 */
export function isWebSocketRequest(req: Pick<IncomingMessage, 'headersDistinct'>): boolean {
  return req.headersDistinct['upgrade']?.[0]?.toLowerCase() === 'websocket' && isUpgradeRequest(req);
}

const BEARER = 'base64url.bearer.authorization.k8s.io.';

/**
 * The subprotocols that a request offers, in order. Browsers put bearer tokens among them
 * (`base64url.bearer.authorization.k8s.io.…`); those are credentials and left out.
 */
export function offeredProtocols(req: Pick<IncomingMessage, 'headersDistinct'>): readonly string[] {
  return (req.headersDistinct['sec-websocket-protocol'] ?? [])
    .flatMap((value) => value.split(','))
    .map((value) => value.trim())
    .filter((value) => value !== '' && !value.startsWith(BEARER));
}

/** Whether a subprotocol has the half-close signal: only v5 of remotecommand (`protocolSupportsStreamClose`). */
export function supportsHalfClose(protocol: string): boolean {
  return protocol === 'v5.channel.k8s.io';
}

/**
 * Whether the request asks for a WebSocket and offers a subprotocol with the half-close signal.
 *
 * Source: apimachinery `wsstream.IsWebSocketRequestWithStreamCloseProtocol`.
 */
export function isHalfCloseRequest(req: Pick<IncomingMessage, 'headersDistinct'>): boolean {
  return isWebSocketRequest(req) && offeredProtocols(req).some(supportsHalfClose);
}
