export { acceptChannels, type AcceptChannelsOptions, type Refusal } from './accept.js';
export { dialChannels, type ChannelRequest } from './dial-channels.js';
export type { ChannelConnection, ChannelOptions, HeartbeatOptions } from './options.js';
export type { ChannelMode } from '../../wire/channel/index.js';
export { isHalfCloseRequest, isWebSocketRequest, supportsHalfClose } from './request.js';
