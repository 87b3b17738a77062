import { InvalidArgumentError, type ResetReason } from '../../errors/index.js';
import { RESET_REASONS } from '../../errors/stream.js';

// SPDY/3 draft (draft-mbelshe-httpbis-spdy-00), sections 2.2 and 2.6. The upgrade token says SPDY/3.1, the frames say 3.
export const VERSION = 3;
export const FRAME_HEAD_BYTES = 8;

/** Control frame types. */
export const SYN_STREAM = 1;
export const SYN_REPLY = 2;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const GOAWAY = 7;
export const HEADERS = 8;
export const WINDOW_UPDATE = 9;

export const FLAG_FIN = 0x01;
export const FLAG_UNIDIRECTIONAL = 0x02;

export const MAX_STREAM_ID = 0x7fffffff;

/** GOAWAY status codes (2.6.6). */
export const GOAWAY_OK = 0;
export const GOAWAY_PROTOCOL_ERROR = 1;
export const GOAWAY_INTERNAL_ERROR = 2;

/** The status code of a reason. @throws InvalidArgumentError for one that has none: peers end the connection over 0. */
export function resetCode(reason: ResetReason): number {
  const index = RESET_REASONS.indexOf(reason);
  if (index === -1) throw new InvalidArgumentError(`not a reason for a reset: ${JSON.stringify(reason)}`);
  return index + 1;
}

/** The reason of a status code; codes that the draft does not define count as `internal-error`. */
export function resetReason(code: number): ResetReason {
  return RESET_REASONS[code - 1] ?? 'internal-error';
}

/** Names that must not travel in a header block; a moby/spdystream peer ends the connection over them. */
export const CONNECTION_HEADERS: ReadonlySet<string> = new Set([
  'connection',
  'host',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
]);
