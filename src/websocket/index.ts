/**
 * What travels inside WebSockets: numbered channels, as Kubernetes uses them for exec and attach (`v5.channel.k8s.io` and
 * its older versions), and engines: yamux or SPDY over the byte stream that the messages make.
 *
 * Source: apimachinery `httpstream/wsstream`, client-go `tools/remotecommand/websocket.go`, `tools/portforward`.
 */
export {
  acceptChannels,
  acceptWebSocketDuplex,
  dialChannels,
  dialWebSocketDuplex,
  isHalfCloseRequest,
  isWebSocketRequest,
  offeredProtocols,
  originRefusal,
  supportsHalfClose,
  webSocketDuplex,
  type AcceptChannelsOptions,
  type AcceptedDuplex,
  type AcceptWebSocketDuplexOptions,
  type ByteStreamOffer,
  type ByteStreamOptions,
  type ChannelConnection,
  type ChannelMode,
  type ChannelOptions,
  type ChannelRequest,
  type DialledDuplex,
  type DialWebSocketDuplexOptions,
  type HeartbeatOptions,
  type NodeWebSocket,
  type OriginOptions,
  type Refusal,
  type Verify,
  type WebSocketDuplexOptions,
} from '../carrier/websocket/index.js';
// All of the browser build, so that code for both finds the same names: its client runs in Node too.
export * from '../browser/index.js';
export type { WebSocketEngineOptions } from './engine.js';
export { WebSocketResponseUpgrader, type WebSocketUpgraderOptions } from './response-upgrader.js';
export { WebSocketRoundTripper, type WebSocketRoundTripperOptions } from './round-tripper.js';
export {
  DEFAULT_CLIENT_SUBPROTOCOLS,
  ENGINE_SUBPROTOCOLS,
  PORT_FORWARD_TUNNEL_SUBPROTOCOL,
  SPDY_SUBPROTOCOL,
  TUNNEL_PREFIX,
  YAMUX_HEADERS_SUBPROTOCOL,
  YAMUX_SUBPROTOCOL,
  type EngineSubprotocol,
} from './subprotocols.js';
