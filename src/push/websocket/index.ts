export { webSocketHandler, type WebSocketHandler } from './handler.js';
export { PUSH_PROTOCOL, type ClientMessage, type ServerMessage, type SubscribeMessage } from './messages.js';
export type { WebSocketHandlerOptions } from './options.js';
