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
