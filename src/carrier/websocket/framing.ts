import { WebSocket, type RawData } from 'ws';
import { LimitExceededError, ProtocolError } from '../../errors/index.js';
import type { Limits } from '../../limits/limits.js';

// A message that comes in more chunks than this has under 64 bytes per chunk at the default limits.
const MAX_BUFFERED_CHUNKS = 16_384;
const LEAST_CLOSE_TIMEOUT = 1;

/** Options for `ws`, whether it accepts or dials. */
export interface FramingOptions {
  readonly perMessageDeflate: false;
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly maxBufferedChunks: number;
  readonly closeTimeout: number;
  readonly autoPong: false;
}

/**
 * Compression is off: it costs more than it saves on streams, and invites bombs. Pongs are sent by the connection, which
 * keeps at most one waiting. The close timeout here only bounds handshakes that the peer begins.
 */
export function framingOptions(limits: Limits): FramingOptions {
  return {
    perMessageDeflate: false,
    maxPayload: limits.maxMessageBytes,
    maxFragments: limits.maxFragments,
    maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    closeTimeout: Math.max(LEAST_CLOSE_TIMEOUT, limits.closeTimeout),
    autoPong: false,
  };
}

/** Turns what `ws` reports about a peer's frames into our errors. */
export function framingError(error: Error): ProtocolError | LimitExceededError {
  const code = 'code' in error ? error.code : undefined;
  const options = { cause: error, initiator: 'remote' as const };
  if (code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH' || code === 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH') {
    return new LimitExceededError('maxMessageBytes', 'a WebSocket message is too long', options);
  }
  if (code === 'WS_ERR_TOO_MANY_BUFFERED_PARTS') {
    return new LimitExceededError('maxFragments', 'a WebSocket message comes in too many parts', options);
  }
  return new ProtocolError(`WebSocket: ${error.message}`, options);
}

/** Whether frames can still be sent. */
export function isOpen(socket: { readonly readyState: number }): boolean {
  return socket.readyState === WebSocket.OPEN;
}

/** The bytes of a message, in whichever form `ws` gives them. */
export function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
