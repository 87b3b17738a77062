import type { Duplex, Readable, Writable } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import type { StreamTarget } from '../carrier/target.js';
import type { CloseReason, Status } from '../httpstream/index.js';
import type { Limits } from '../limits/limits.js';
import type { RemoteCommandProtocol, TerminalSize } from './types.js';

/** Where to run or attach: a pod, or the whole address of an endpoint. */
export type RemoteCommandTarget = StreamTarget;

/** A terminal that tells its size, as `process.stdout` does. */
export interface TerminalSizeSource {
  readonly columns?: number;
  readonly rows?: number;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** How {@link attach} works. */
export interface AttachOptions {
  /** Default: the pod's default container. */
  readonly container?: string;
  /**
   * What the command reads; absent means no stdin. A stream is read until its end, which half-closes stdin; when the
   * command ends first, it is left paused and not destroyed, and an async iterable is returned from.
   */
  readonly stdin?: Readable | AsyncIterable<string | Uint8Array> | string | Uint8Array;
  /** Receives the output; not ended here. Absent: collected for the result. `false`: not asked for. */
  readonly stdout?: Writable | false;
  /** The same for stderr. Never asked for with `tty`. */
  readonly stderr?: Writable | false;
  /** Ask for a terminal. Default false. */
  readonly tty?: boolean;
  /** Sizes of the terminal; the current one of an emitter is sent at once. Used only with `tty`. */
  readonly resizes?: AsyncIterable<TerminalSize> | TerminalSizeSource;
  /** Ends everything; the call then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * `auto`: WebSocket, and SPDY when the server refuses the upgrade (not when it cannot be reached). Default `auto`.
   */
  readonly transport?: 'auto' | 'websocket' | 'spdy';
  /** Bytes of collected output, for stdout and stderr each. Default 16,777,216. */
  readonly maxOutputBytes?: number;
  /** Reject with ExecError for an exit code other than 0. Default false. */
  readonly check?: boolean;
  /** Milliseconds between SPDY pings; 0 for none. Default 5,000. */
  readonly pingPeriod?: number;
  /** Bounds on the server. `writeTimeout` is 0 (off) unless given, because a command need not read its stdin. */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
}

/** How {@link exec} works. */
export interface ExecOptions extends AttachOptions {
  /** Program and arguments; no shell is involved. Only a URL that has a command can do without. */
  readonly command?: readonly string[] | string;
}

/** How a command ended. */
export interface ExecResult {
  /** 0 to 255. */
  readonly exitCode: number;
  /** Collected output as UTF-8 text; empty where a sink received it. */
  readonly stdout: string;
  readonly stderr: string;
  /** What the server reported; `undefined` below protocol v4. */
  readonly status: Status | undefined;
  readonly protocol: RemoteCommandProtocol;
  readonly transport: 'websocket' | 'spdy';
}

/** The client's end of a session; what SPDY and WebSocket each provide. */
export interface ClientStreams {
  readonly transport: 'websocket' | 'spdy';
  readonly protocol: RemoteCommandProtocol;
  readonly stdin: Duplex | undefined;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly resize: Writable | undefined;
  readonly error: Readable;
  /** Settles when the connection is gone. */
  readonly closed: Promise<CloseReason>;
  /** Says goodbye and closes within a deadline. Never rejects. */
  close(): Promise<void>;
}
