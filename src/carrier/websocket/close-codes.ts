import { InvalidArgumentError } from '../../errors/index.js';
import type { CloseReason } from '../../httpstream/index.js';

/** Close codes of RFC 6455, 7.4.1. */
export const CLOSE = {
  normal: 1000,
  goingAway: 1001,
  protocolError: 1002,
  unsupportedData: 1003,
  noStatus: 1005,
  abnormal: 1006,
  invalidData: 1007,
  policyViolation: 1008,
  tooBig: 1009,
  internalError: 1011,
} as const;

const MAX_REASON_BYTES = 123;

/** @throws InvalidArgumentError for what a close frame cannot carry (RFC 6455, 5.5 and 7.4). */
export function checkClose(code: number, reason: string): void {
  const standard = code >= 1000 && code <= 1014 && code !== 1004 && code !== CLOSE.noStatus && code !== CLOSE.abnormal;
  if (!Number.isInteger(code) || !(standard || (code >= 3000 && code <= 4999))) {
    throw new InvalidArgumentError(`${code} is no close code that can be sent`);
  }
  if (Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new InvalidArgumentError(`a close reason has at most ${MAX_REASON_BYTES} bytes`);
  }
}

/**
 * Whether a close with this code ends streams in good order. client-go demands 1000; servers take a close without a
 * code too, as golang.org/x/net/websocket does: it is what `close()` of most client libraries sends.
 */
export function isCleanClose(code: number, role: 'client' | 'server'): boolean {
  return code === CLOSE.normal || (role === 'server' && code === CLOSE.noStatus);
}

/** For messages. The text comes from the peer. */
export function describeClose(code: number, text: string): string {
  if (code === CLOSE.abnormal) return 'the connection ended without a close (1006)';
  return `the peer closed the connection with code ${code}${text === '' ? '' : `: ${JSON.stringify(text)}`}`;
}

const BLAMES: ReadonlySet<number> = new Set([
  CLOSE.protocolError,
  CLOSE.unsupportedData,
  CLOSE.invalidData,
  CLOSE.policyViolation,
  CLOSE.tooBig,
]);

/** The reason of a close that this side did not begin. */
export function reasonOfClose(code: number, error: Error, socketFailed: boolean): CloseReason {
  const initiator = 'remote';
  if (code === CLOSE.normal || code === CLOSE.goingAway || code === CLOSE.noStatus)
    return { kind: 'going-away', initiator };
  if (code === CLOSE.abnormal) return { kind: socketFailed ? 'lost' : 'ended', initiator, error };
  return { kind: BLAMES.has(code) ? 'protocol-error' : 'lost', initiator, error };
}
