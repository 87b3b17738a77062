/**
 * WebSockets with channels, as Kubernetes uses them for exec and attach (`v5.channel.k8s.io` and its older versions).
 *
 * Source: apimachinery `httpstream/wsstream`, client-go `tools/remotecommand/websocket.go`.
 */
export {
  acceptChannels,
  dialChannels,
  isHalfCloseRequest,
  isWebSocketRequest,
  supportsHalfClose,
  type AcceptChannelsOptions,
  type ChannelConnection,
  type ChannelMode,
  type ChannelOptions,
  type ChannelRequest,
  type HeartbeatOptions,
  type Refusal,
} from '../carrier/websocket/index.js';
