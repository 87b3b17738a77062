export type { EncodeHook } from './frames.js';
export { sseHandler, type SSEHandler } from './handler.js';
export type { SSEHandlerOptions } from './options.js';
