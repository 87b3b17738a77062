export { rawCodec } from './codec.js';
export { CLOSE_SIGNAL, ChannelMachine, type ChannelEvent, type ChannelMode } from './machine.js';
