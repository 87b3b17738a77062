/**
 * What travels inside WebSockets: numbered channels, as Kubernetes uses them for exec and attach (`v5.channel.k8s.io` and
 * its older versions), and byte streams for engines.
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
  type Refusal,
  type Verify,
  type WebSocketDuplexOptions,
} from '../carrier/websocket/index.js';
