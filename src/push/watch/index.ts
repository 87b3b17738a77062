export { watchHandler, type WatchHandler } from './handler.js';
export type { WatchObject, WatchType } from './object.js';
export type { WatchableLog, WatchHandlerOptions } from './types.js';
