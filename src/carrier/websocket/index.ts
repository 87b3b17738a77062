export { acceptChannels, type AcceptChannelsOptions } from './accept.js';
export {
  acceptDuplexNow,
  acceptWebSocketDuplex,
  type AcceptedDuplex,
  type AcceptWebSocketDuplexOptions,
  type ByteStreamOffer,
} from './accept-duplex.js';
export { dialChannels, type ChannelRequest } from './dial-channels.js';
export {
  dialWebSocketDuplex,
  sendWebSocketUpgrade,
  type DialledDuplex,
  type DialWebSocketDuplexOptions,
} from './dial-duplex.js';
export { webSocketDuplex } from './duplex.js';
export type { ByteStreamOptions, NodeWebSocket, WebSocketDuplexOptions } from './duplex-options.js';
export type { ChannelConnection, ChannelOptions, HeartbeatOptions } from './options.js';
export type { ChannelMode } from '../../wire/channel/index.js';
export { isHalfCloseRequest, isWebSocketRequest, offeredProtocols, supportsHalfClose } from './request.js';
export { originRefusal, type OriginOptions } from './origin.js';
export type { Refusal, Verify } from './refusal.js';
export {
  messageProtocol,
  messageRefusal,
  upgradeToMessages,
  type MessageSocket,
  type MessageSocketEvents,
} from './message-socket.js';
export { CLOSE } from './close-codes.js';
export { firstFragment, lastFragment, PING_FRAME, textFrame } from './shared-frames.js';
