import type { Duplex } from 'node:stream';
import type { Connection, NewStreamHandler } from '../httpstream/index.js';
import {
  newSpdyClientConnection,
  newSpdyServerConnection,
  type ConnectionOptions,
  type SpdyConnectionOptions,
} from '../spdy/index.js';
import { checkSpdyOptions } from '../spdy/connection.js';
import { newYamuxClientConnection, newYamuxServerConnection } from '../yamux/index.js';
import {
  SPDY_SUBPROTOCOL,
  YAMUX_HEADERS_SUBPROTOCOL,
  checkEngineSubprotocols,
  type EngineSubprotocol,
} from './subprotocols.js';

/** Settings of an engine inside a WebSocket, at both ends. `stallPolicy` and `compressionLevel` are SPDY's. */
export interface WebSocketEngineOptions
  extends Omit<ConnectionOptions, 'head'>, Pick<SpdyConnectionOptions, 'compressionLevel'> {
  /**
   * Engines to negotiate. A client's are in order of preference; default `yamux-headers.v1`, `spdy.3.1`. Of a server the
   * order is without meaning; default: all of `ENGINE_SUBPROTOCOLS`.
   */
  readonly protocols?: readonly EngineSubprotocol[];
}

/** Checks options before anything is sent. @throws InvalidArgumentError */
export function checkEngineOptions(options: WebSocketEngineOptions): void {
  checkSpdyOptions(options);
  if (options.protocols !== undefined) checkEngineSubprotocols(options.protocols);
}

/** The server's end of the engine that was negotiated. */
export function newServerConnection(
  protocol: EngineSubprotocol,
  duplex: Duplex,
  handler: NewStreamHandler,
  options: WebSocketEngineOptions,
): Connection {
  if (protocol === SPDY_SUBPROTOCOL) return newSpdyServerConnection(duplex, handler, options);
  return newYamuxServerConnection(duplex, handler, { ...options, headers: protocol === YAMUX_HEADERS_SUBPROTOCOL });
}

/** The client's end of it; `handler` gets the streams that the server opens, which are refused without. */
export function newClientConnection(
  protocol: EngineSubprotocol,
  duplex: Duplex,
  handler: NewStreamHandler | undefined,
  options: WebSocketEngineOptions,
): Connection {
  const settings = { ...options, ...(handler === undefined ? {} : { newStreamHandler: handler }) };
  if (protocol === SPDY_SUBPROTOCOL) return newSpdyClientConnection(duplex, settings);
  return newYamuxClientConnection(duplex, { ...settings, headers: protocol === YAMUX_HEADERS_SUBPROTOCOL });
}
