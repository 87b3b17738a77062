export { base64Codec, isBase64Protocol } from './base64-codec.js';
export { CLOSE_SIGNAL, rawCodec, type ChannelCodec } from './codec.js';
export { ChannelMachine, type ChannelEvent, type ChannelMode } from './machine.js';
