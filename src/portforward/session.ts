import type { Duplex } from 'node:stream';
import type { CloseReason } from '../httpstream/index.js';
import type { PortForwardTransport } from './protocol.js';

/** The far end of one forwarded connection. */
export interface RemoteEnd {
  /** Bytes to and from the pod. */
  readonly data: Duplex;
  /** What the server said went wrong, once it is done with the connection; empty if nothing. Never rejects. */
  readonly failure: Promise<string>;
  /** Lets go of what is left, once `data` is over. */
  release(): void;
}

/** What can forward connections, on some wire. */
export interface ForwardSession {
  readonly transport: PortForwardTransport;
  /**
   * Asks the server to connect to a port.
   *
   * @throws PortForwardError with what the server said; ConnectionLostError and its like; the signal's reason.
   */
  connect(port: number, id: number, signal: AbortSignal): Promise<RemoteEnd>;
  /** Settles when it can forward nothing any more. Never rejects. */
  readonly closed: Promise<CloseReason>;
  /** Ends everything on it. Never rejects. */
  close(): Promise<void>;
}
