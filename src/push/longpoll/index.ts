export type { ActionOf } from './event.js';
export { longPollHandler, type LongPollHandler } from './handler.js';
export type { KeyLog, LongPollOptions } from './types.js';
