export { rawCodec, type ChannelCodec } from './codec.js';
export {
  CLOSE_SIGNAL,
  ChannelMachine,
  type ChannelEvent,
  type ChannelMachineOptions,
  type ChannelMode,
} from './machine.js';
