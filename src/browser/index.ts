/**
 * The browser build of `trunkline/websocket`: yamux in a WebSocket, each stream a pair of WHATWG streams. Bundlers take it
 * by the `browser` condition of package.json.
 */
export { connectWebSocket } from './connect.js';
export { YAMUX_HEADERS_SUBPROTOCOL, YAMUX_SUBPROTOCOL, type ConnectWebSocketOptions } from './options.js';
export type { BrowserConnection, BrowserStream, BrowserStreamHandler, IncomingBrowserStream } from './types.js';
export type { WebSocketConstructor, WebSocketLike } from './web-socket.js';
export * from '../errors/index.js';
export { UpgradeFailureError } from '../httpstream/upgrade-failure.js';
export type { CloseReason } from '../httpstream/close-reason.js';
export { StreamHeaders, type HeadersInit } from '../httpstream/headers.js';
export { DEFAULT_LIMITS, type Limits } from '../limits/limits.js';
export type { Clock, Timer } from '../clock/clock.js';
