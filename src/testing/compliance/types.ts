import type { Connection, NewStreamHandler } from '../../httpstream/index.js';
import type { ConnectionOptions } from '../../mux/options.js';

/** What one case wants. */
export interface ComplianceSetup {
  /** Gets the streams that the client opens. */
  readonly serverHandler: NewStreamHandler;
  /** Gets the streams that the server opens. Default: they are refused. */
  readonly clientHandler?: NewStreamHandler;
  /** Settings of the server's end; the suite turns keepalive pings off unless a case is about them. */
  readonly server: ConnectionOptions;
  /** Settings of the client's end. */
  readonly client: ConnectionOptions;
}

/** Two connected ends. */
export interface CompliancePair {
  readonly client: Connection;
  readonly server: Connection;
  /** Breaks what carries the connection, without a goodbye, for both ends. */
  cut(): void;
  /** Lets bytes vanish in both directions from now on; both ends still think that they are connected. */
  vanish(): void;
  /** Frees what the factory made. The connections are closed by then. */
  stop(): Promise<void>;
}

/** What the suite should know about a carrier. */
export interface ComplianceOptions {
  /** Factor on the amounts of bytes and streams in the heavy cases, for carriers that are slow: a power of two. Default 1. */
  readonly volume?: number;
  /** Whether the wire carries the reason of a reset; without, the peer sees `cancel`. Default true. */
  readonly resetReasons?: boolean;
  /** Bytes of the window that each stream has by itself; 0 where an unread stream stops the connection. Default 0. */
  readonly streamWindow?: number;
}

/** Makes two connected ends of the engine under test, over the carrier under test. */
export type ComplianceFactory = (setup: ComplianceSetup) => Promise<CompliancePair>;
