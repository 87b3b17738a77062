import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { UpgradeFailureError, type UpgradeRequest, type UpgradeResponse } from '../../httpstream/index.js';
import { checkRequest } from '../check-request.js';
import { dialWebSocket } from './client-dial.js';
import { WebSocketDuplex } from './duplex.js';
import { checkProtocols, resolveByteStream, type ByteStreamOptions } from './duplex-options.js';

/** Options of {@link dialWebSocketDuplex}. */
export interface DialWebSocketDuplexOptions extends ByteStreamOptions {
  /**
   * Subprotocols to offer, most preferred first. Names need not be tokens (`SPDY/3.1+portforward.k8s.io`); a comma, a space
   * or anything beyond ASCII cannot be negotiated.
   */
  readonly protocols: readonly string[];
}

/** The client's end of a byte stream inside a WebSocket. */
export interface DialledDuplex {
  readonly duplex: Duplex;
  /** The subprotocol that the server chose. */
  readonly protocol: string;
  /** Headers of the 101. */
  readonly headers: IncomingHttpHeaders;
}

/**
 * Opens a WebSocket as a byte stream (see `webSocketDuplex`). `request.protocols` go into `X-Stream-Protocol-Version`;
 * subprotocols are those of the options.
 *
 * The address may be `http:`, `https:`, `ws:` or `wss:`; credentials in it become an Authorization header unless one is
 * given. Redirects are not followed. Frames are masked, which costs a pass over what is sent (RFC 6455, 5.3).
 *
 * @throws UpgradeFailureError when the server answers anything but a valid 101 with one of the offered subprotocols
 * (status code, Kubernetes Status and body are in it); ConnectionLostError when the connection fails before any answer;
 * TimeoutError after `request.timeout`; the signal's reason when aborted; InvalidArgumentError for a request that cannot
 * be sent, before anything is. No message shows credentials.
 */
export async function dialWebSocketDuplex(
  request: Omit<UpgradeRequest, 'method'>,
  options: DialWebSocketDuplexOptions,
): Promise<DialledDuplex> {
  return await dialled(request, options);
}

/**
 * The same as an upgrade: resolves with the server's answer whatever its status; of a 101 `socket` is the byte stream.
 * Throws as {@link dialWebSocketDuplex}, of UpgradeFailureErrors only those for a 101 that is not valid.
 */
export async function sendWebSocketUpgrade(
  request: Omit<UpgradeRequest, 'method'>,
  options: DialWebSocketDuplexOptions,
): Promise<UpgradeResponse> {
  let refusal: UpgradeResponse | undefined;
  try {
    const { duplex, headers } = await dialled(request, options, (answer) => (refusal = answer));
    const nothing = Buffer.alloc(0);
    const statusMessage = 'Switching Protocols';
    return { statusCode: 101, statusMessage, headers, head: nothing, body: nothing, socket: duplex };
  } catch (error) {
    if (refusal !== undefined && error instanceof UpgradeFailureError) return refusal;
    throw error;
  }
}

async function dialled(
  request: Omit<UpgradeRequest, 'method'>,
  options: DialWebSocketDuplexOptions,
  onRefusal?: (answer: UpgradeResponse) => void,
): Promise<DialledDuplex> {
  checkRequest(request);
  const { protocols } = options;
  checkProtocols(protocols);
  const { clock, limits } = resolveByteStream(options);
  const settings = { protocols, clock, limits, onRefusal };
  return await dialWebSocket(request, settings, ({ headers, protocol, webSocket }, socket) => ({
    duplex: new WebSocketDuplex(webSocket, { role: 'client', socket, answerPings: true, limits, clock }),
    protocol,
    headers,
  }));
}
