import type { Initiator } from '../errors/index.js';

/** Why a connection ended. */
export interface CloseReason {
  /**
   * - `closed`: `close()` was called here;
   * - `going-away`: the peer said goodbye;
   * - `ended`: the peer ended the underlying connection without a goodbye;
   * - `lost`: the underlying connection failed, or made no progress in time;
   * - `idle-timeout`: nothing happened for the idle timeout;
   * - `ping-timeout`: the peer did not answer a ping;
   * - `protocol-error`: one side broke the wire protocol or a limit.
   */
  readonly kind: 'closed' | 'going-away' | 'ended' | 'lost' | 'idle-timeout' | 'ping-timeout' | 'protocol-error';
  /** Who ended it. */
  readonly initiator: Initiator;
  /** Details, where something failed. */
  readonly error?: Error;
}
