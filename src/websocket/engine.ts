import type { Duplex } from 'node:stream';
import type { Connection, NewStreamHandler } from '../httpstream/index.js';
import { checkSpdyOptions, connectSpdy } from '../spdy/connection.js';
import type { ConnectionOptions, SpdyConnectionOptions } from '../spdy/index.js';
import { connectYamux } from '../yamux/connection.js';
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

/** One end of the engine that was negotiated; streams that the peer opens are refused without a handler. */
export function newEngineConnection(
  protocol: EngineSubprotocol,
  role: 'client' | 'server',
  duplex: Duplex,
  handler: NewStreamHandler | undefined,
  options: WebSocketEngineOptions,
): Connection {
  if (protocol === SPDY_SUBPROTOCOL) return connectSpdy(role, duplex, handler, options);
  return connectYamux(role, duplex, handler, { ...options, headers: protocol === YAMUX_HEADERS_SUBPROTOCOL });
}
