import { TrunklineError, type TrunklineErrorOptions } from './base.js';

/** Why a stream was reset. The names are those of the SPDY/3 status codes (draft-mbelshe-httpbis-spdy-00, 2.6.3). */
export type ResetReason =
  | 'protocol-error'
  | 'invalid-stream'
  | 'refused'
  | 'unsupported-version'
  | 'cancel'
  | 'internal-error'
  | 'flow-control-error'
  | 'stream-in-use'
  | 'stream-already-closed'
  | 'invalid-credentials'
  | 'frame-too-large';

/** All reasons, in the order of their status codes, which begin with 1. */
export const RESET_REASONS: readonly ResetReason[] = [
  'protocol-error',
  'invalid-stream',
  'refused',
  'unsupported-version',
  'cancel',
  'internal-error',
  'flow-control-error',
  'stream-in-use',
  'stream-already-closed',
  'invalid-credentials',
  'frame-too-large',
];

/** The stream was reset: both directions ended at once, and what was not yet delivered is lost. */
export class StreamResetError extends TrunklineError {
  static override readonly name: string = 'StreamResetError';
  readonly code = 'ERR_STREAM_RESET';
  /** What the resetting side gave as its reason. */
  readonly reason: ResetReason;

  constructor(reason: ResetReason, options: TrunklineErrorOptions & { readonly message?: string } = {}) {
    const by = options.initiator === undefined ? '' : options.initiator === 'remote' ? ' by the peer' : ' by this side';
    super(options.message ?? `stream reset${by}: ${reason}`, options);
    this.reason = reason;
  }
}

/** The connection went away while something on it was unfinished. Never reported for an orderly end. */
export class ConnectionLostError extends TrunklineError {
  static override readonly name: string = 'ConnectionLostError';
  readonly code = 'ERR_CONNECTION_LOST';
}

/** The connection was closed because nothing happened on it for its idle timeout. */
export class IdleTimeoutError extends TrunklineError {
  static override readonly name: string = 'IdleTimeoutError';
  readonly code = 'ERR_IDLE_TIMEOUT';
}

/** The peer broke the rules of the wire protocol; the connection cannot go on. */
export class ProtocolError extends TrunklineError {
  static override readonly name: string = 'ProtocolError';
  readonly code = 'ERR_PROTOCOL';
}

/** All stream ids of this side are used up; dial a new connection. */
export class StreamsExhaustedError extends TrunklineError {
  static override readonly name: string = 'StreamsExhaustedError';
  readonly code = 'ERR_STREAMS_EXHAUSTED';
}
