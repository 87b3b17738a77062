export { acceptChannels, type AcceptChannelsOptions } from './accept.js';
export type { Refusal } from './server-handshake.js';
export { dialChannels, type ChannelRequest } from './dial-channels.js';
export type { ChannelConnection, ChannelOptions, HeartbeatOptions } from './options.js';
export type { ChannelMode } from '../../wire/channel/index.js';
export { isHalfCloseRequest, isWebSocketRequest, supportsHalfClose } from './request.js';
