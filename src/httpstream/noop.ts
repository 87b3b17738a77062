import type { NewStreamHandler } from './types.js';

/** Accepts every stream and does nothing else (`NoOpNewStreamHandler` of the original). */
export const noOpNewStreamHandler: NewStreamHandler = () => {};
