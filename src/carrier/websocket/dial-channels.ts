import type { UpgradeRequest } from '../../httpstream/index.js';
import { dialWebSocket } from './client-dial.js';
import { WebSocketChannels } from './connection.js';
import { resolveChannelOptions, type ChannelConnection, type ChannelOptions } from './options.js';

/** What to connect to. Subprotocols are those of {@link ChannelOptions}; the method is always GET. */
export type ChannelRequest = Omit<UpgradeRequest, 'method' | 'protocols'>;

/**
 * Opens a WebSocket with channels.
 *
 * The address may be `http:`, `https:`, `ws:` or `wss:`; credentials in it become an Authorization header unless one is
 * given. Redirects are not followed. Frames are masked, which costs a pass over what is sent (RFC 6455, 5.3).
 *
 * @throws UpgradeFailureError when the server answers anything but a valid 101 with one of the offered subprotocols
 * (status code, Kubernetes Status and body are in it); ConnectionLostError when the connection fails before any answer;
 * TimeoutError after `request.timeout`; the signal's reason when aborted; InvalidArgumentError for a request that cannot
 * be sent, before anything is. No message shows credentials.
 */
export async function dialChannels(request: ChannelRequest, options: ChannelOptions): Promise<ChannelConnection> {
  const resolved = resolveChannelOptions('client', options);
  return await dialWebSocket(
    request,
    resolved,
    ({ webSocket, protocol }, socket) => new WebSocketChannels(webSocket, socket, protocol, resolved),
  );
}
