import type { Clock } from '../../clock/clock.js';
import type { DrainOptions } from '../http/drain.js';
import type { Follower, FollowOptions } from '../log/types.js';

/** What the service needs of an `EventLog`. */
export interface WatchableLog {
  readonly origin: string;
  /** The newest local index: what is called a revision here. */
  readonly index: number;
  readonly clock: Clock;
  follow<F>(options: FollowOptions<F>): Follower<F>;
  /** The smallest index such that no event of these streams from it on has left the history. */
  oldestIndex(streams: string | readonly string[]): number;
}

/** Metadata of a call; that of `@grpc/grpc-js` is one. */
export interface CallMetadata {
  /** The values of a key: text, or bytes where the name ends with `-bin`. */
  get(key: string): readonly (string | Buffer)[];
}

/** Who calls. */
export interface WatchCaller {
  readonly metadata: CallMetadata;
  /** Address and port, or `unknown`. */
  getPeer(): string;
}

/** A call of the method Watch; a `ServerDuplexStream` of `@grpc/grpc-js` is one. */
export interface WatchCall extends WatchCaller {
  readonly cancelled: boolean;
  on(event: 'data', listener: (request: unknown) => void): unknown;
  on(event: 'end' | 'drain' | 'cancelled' | 'close' | 'finish', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  emit(event: 'error', status: { readonly code: number; readonly details: string }): boolean;
  write(message: unknown, sent: (error?: Error | null) => void): boolean;
  end(): unknown;
  destroy(): unknown;
}

/** The method, as `@grpc/grpc-js` wants it defined. Responses are bytes already. */
export interface WatchMethod {
  readonly path: string;
  readonly requestStream: true;
  readonly responseStream: true;
  readonly requestSerialize: (value: unknown) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => unknown;
  readonly responseSerialize: (value: unknown) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => unknown;
  readonly originalName: string;
}

/** The two arguments of `server.addService`. */
export interface GrpcWatchService {
  readonly definition: { readonly Watch: WatchMethod };
  /** Serves calls. Each ends by itself: when its client goes, its deadline passes, or the log is closed. */
  readonly implementation: { readonly Watch: (call: WatchCall) => void };
  /** Calls that are served. */
  readonly calls: number;
  /**
   * Ends all calls with UNAVAILABLE over a time, so that clients call again elsewhere, and takes no more. Settles when the
   * last one was told. The log stays open.
   *
   * @throws InvalidArgumentError, by rejecting, for unusable options.
   */
  drain(options?: DrainOptions): Promise<void>;
}

/** Status codes of gRPC that are used here. */
export const STATUS = {
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  resourceExhausted: 8,
  internal: 13,
  unavailable: 14,
} as const;
