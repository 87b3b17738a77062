import type { StreamTarget } from '../carrier/target.js';
import type { Clock } from '../clock/clock.js';
import type { Limits } from '../limits/limits.js';
import type { ForwardedPort } from './listeners.js';
import type { PortForwardTransport } from './protocol.js';

/**
 * Where to: a pod, the whole address of a port-forward endpoint, or a function that finds one. It is called before each
 * attempt to connect, so that `reconnect` reaches the pod that has taken the place of another.
 */
export type PortForwardTarget = StreamTarget | (() => StreamTarget | Promise<StreamTarget>);

/** One local connection that is being forwarded. */
export interface ForwardedConnection {
  /** Counts from 0. */
  readonly id: number;
  /** Where it came in. */
  readonly port: ForwardedPort;
  /** Address and port of the local client. */
  readonly peer: string;
  /** Bytes taken from the local client so far. */
  readonly sentBytes: number;
  /** Bytes handed to the local client so far. */
  readonly receivedBytes: number;
  /** Settles when it is over, with what went wrong, if anything did. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Breaks it off, on both sides. */
  abort(): void;
}

/** How the connection to the server is taken up again. */
export interface ReconnectOptions {
  /** Milliseconds before the first attempt; doubled with each further one. Default 500. */
  readonly initialDelay?: number;
  /** The longest pause, in milliseconds. Default 30,000. */
  readonly maxDelay?: number;
  /** Attempts in a row after which the port-forward ends. Default: no end. */
  readonly maxAttempts?: number;
  /**
   * What becomes of local connections meanwhile: they wait for up to `waitTimeout`, or are reset at once. Connections
   * that were open when the connection was lost have failed in any case. Default `wait`.
   */
  readonly meanwhile?: 'wait' | 'refuse';
  /** Milliseconds that a local connection waits. Default 30,000. */
  readonly waitTimeout?: number;
  /** From 0 to 1; spreads the pauses over their upper half. Default: the system's randomness. */
  readonly random?: () => number;
}

/** How {@link portForward} works. */
export interface PortForwardOptions {
  /** Addresses to listen on. `localhost` is 127.0.0.1 and ::1, of which one may fail. Default `localhost`. */
  readonly addresses?: string | readonly string[];
  /**
   * `auto`: the tunnel, and SPDY when the server refuses the upgrade (not when it cannot be reached), as kubectl does.
   * `websocket`: `v4.channel.k8s.io`, a WebSocket for each local connection, without half-close. Default `auto`.
   */
  readonly transport?: 'auto' | PortForwardTransport;
  /** Connect again when the connection to the server is lost. Default false: the port-forward then ends. */
  readonly reconnect?: boolean | ReconnectOptions;
  /** Ends everything. While `portForward` still connects, it rejects with the reason. */
  readonly signal?: AbortSignal;
  /** Told of each local connection as it comes in. */
  readonly onConnection?: (connection: ForwardedConnection) => void;
  /** Told why a connection failed, for any other reason than that the local client broke it off. Others go on. */
  readonly onConnectionError?: (error: Error, connection: ForwardedConnection) => void;
  /** Called while bytes move, at most every 100 ms for each connection, and when it is over. */
  readonly onProgress?: (connection: ForwardedConnection) => void;
  /** Told when the connection to the server is lost; with `reconnect` also of each attempt that fails. */
  readonly onDisconnect?: (error: Error) => void;
  /** Told when there is a connection again. */
  readonly onReconnect?: (transport: PortForwardTransport) => void;
  /** Milliseconds of silence after which the server is pinged; 0 for never. Default 10,000. */
  readonly pingPeriod?: number;
  /** Milliseconds without an answer, while nothing else is under way, after which the server counts as dead. Default 10,000. */
  readonly pingTimeout?: number;
  /**
   * Milliseconds without any sign of life, while data is under way, after which the server counts as dead; 0 for never.
   * Longer, because on SPDY a pod that does not read can keep the server from answering. Default 60,000.
   */
  readonly deadTimeout?: number;
  /**
   * Milliseconds for which a local client that does not read may hold up the other connections; then its connection is
   * reset. One that is alone is left alone. 0: for as long as it takes. Default 30,000.
   */
  readonly stallTimeout?: number;
  /** Bounds on the server. `writeTimeout` is `deadTimeout` unless given. */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
}

/** Why a port-forward is over. */
export interface PortForwardEnd {
  /**
   * - `closed`: `close()` was called;
   * - `aborted`: the signal aborted;
   * - `lost`: the connection to the server was lost, and could not be had again, or was not to be.
   */
  readonly kind: 'closed' | 'aborted' | 'lost';
  /** The signal's reason, or how the connection was lost. */
  readonly error?: Error;
}

/** A running port-forward. */
export interface PortForward extends AsyncDisposable {
  /** What is listened on. */
  readonly ports: readonly ForwardedPort[];
  /** How connections are carried; of the latest connection to the server. */
  readonly transport: PortForwardTransport;
  /** Local connections that are open, those that wait included. */
  readonly connections: number;
  /** Settles when nothing is listened on any more and all connections are over. Never rejects. */
  readonly closed: Promise<PortForwardEnd>;
  /** Stops listening and breaks off all connections. Never rejects. */
  close(): Promise<void>;
}
