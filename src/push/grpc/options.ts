import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import type { Logger } from '../../logger/logger.js';
import { handlerLogger } from '../http/handler-logger.js';
import { wholeNumber } from '../../limits/option-values.js';
import type { WatchCaller } from './types.js';

/** Ends a call with a status of gRPC. */
export interface CallRefusal {
  /** 1 to 16: 7 is PERMISSION_DENIED, 16 is UNAUTHENTICATED. */
  readonly code: number;
  readonly details: string;
}

/** `true`, or who it is, lets a watch be created; `false` refuses the watch and leaves the call; a status ends the call. */
export type WatchAuthorizeResult = boolean | { readonly peer: string } | CallRefusal;

/** Decides whether a caller may watch these streams. */
export type WatchAuthorize = (
  caller: WatchCaller,
  streams: readonly string[],
) => WatchAuthorizeResult | Promise<WatchAuthorizeResult>;

/** How a `grpcWatchService` works. */
export interface GrpcWatchOptions {
  /**
   * Decides whether a caller may watch these streams. Asked for each watch, before anything is read from the log; later
   * requests of the call wait. When it throws or rejects, the call ends with INTERNAL. Default: everybody may.
   */
  readonly authorize?: WatchAuthorize;
  /** Whether clients may watch patterns (`orders.*`) besides names. Default `false`. */
  readonly wildcards?: boolean;
  /**
   * What to do with a `start_revision` that lies more than one ahead of the newest, so that this run cannot have told it:
   * `refuse` it as one that was compacted, from which clients recover, or `wait` for it as etcd does; after a restart that
   * would pass over all events before it. Default `refuse`.
   */
  readonly ahead?: 'refuse' | 'wait';
  /** Calls at once; more are refused with RESOURCE_EXHAUSTED. Default 10,000. */
  readonly maxCalls?: number;
  /** Calls at once on one connection; more are refused likewise. Default 1,000. */
  readonly maxCallsPerConnection?: number;
  /** Watches of one call; more are refused. Default 64. */
  readonly maxWatches?: number;
  /** Bytes of one request; a longer one ends the call. Default 65,536. */
  readonly maxRequestBytes?: number;
  /** Requests that a call may send in one go; past it the call is ended. Default 256. */
  readonly requestBurst?: number;
  /** The same, regained per second. Default 64. */
  readonly requestsPerSecond?: number;
  /** Bytes of events in one response, past which the next one is begun. One event is never split. Default 65,536. */
  readonly responseBytes?: number;
  /** Milliseconds without an event after which a watch with `progress_notify` is told its position. Default 60,000. */
  readonly progressInterval?: number;
  /** Milliseconds that a call may take until its first watch is created; then it is ended. Default 10,000. */
  readonly createTimeout?: number;
  /** Milliseconds that a client may take none of what was sent; then its call is reset. Default 10,000. */
  readonly writeTimeout?: number;
  /** Default: errors of hooks are warnings of the process, each once; nothing else is told. */
  readonly logger?: Logger;
}

/** {@link GrpcWatchOptions} with nothing left open. */
export interface WatchSettings extends Required<Omit<GrpcWatchOptions, 'authorize'>> {
  readonly authorize: WatchAuthorize | undefined;
}

const NAMES: OptionNames<GrpcWatchOptions> = {
  authorize: true,
  wildcards: true,
  ahead: true,
  maxCalls: true,
  maxCallsPerConnection: true,
  maxWatches: true,
  maxRequestBytes: true,
  requestBurst: true,
  requestsPerSecond: true,
  responseBytes: true,
  progressInterval: true,
  createTimeout: true,
  writeTimeout: true,
  logger: true,
};

/** Fills in defaults and checks. @throws InvalidArgumentError */
export function resolveWatchOptions(options: GrpcWatchOptions): WatchSettings {
  checkOptionNames('grpcWatchService', options, NAMES);
  const { authorize, wildcards = false } = options;
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new InvalidArgumentError('authorize must be a function');
  }
  if (typeof wildcards !== 'boolean') throw new InvalidArgumentError('wildcards must be true or false');
  const { ahead = 'refuse' } = options;
  if (ahead !== 'refuse' && ahead !== 'wait') {
    throw new InvalidArgumentError(`ahead must be refuse or wait, not ${String(ahead)}`);
  }
  return {
    authorize,
    wildcards,
    ahead,
    maxCalls: wholeNumber('maxCalls', options.maxCalls ?? 10_000),
    maxCallsPerConnection: wholeNumber('maxCallsPerConnection', options.maxCallsPerConnection ?? 1_000),
    maxWatches: wholeNumber('maxWatches', options.maxWatches ?? 64),
    maxRequestBytes: wholeNumber('maxRequestBytes', options.maxRequestBytes ?? 64 * 1024),
    requestBurst: wholeNumber('requestBurst', options.requestBurst ?? 256),
    requestsPerSecond: wholeNumber('requestsPerSecond', options.requestsPerSecond ?? 64),
    responseBytes: wholeNumber('responseBytes', options.responseBytes ?? 64 * 1024),
    progressInterval: wholeNumber('progressInterval', options.progressInterval ?? 60_000),
    createTimeout: wholeNumber('createTimeout', options.createTimeout ?? 10_000),
    writeTimeout: wholeNumber('writeTimeout', options.writeTimeout ?? 10_000),
    logger: handlerLogger(options.logger),
  };
}

/** What a hook answered; programs without types may answer anything. @throws InvalidArgumentError for what is no answer. */
export function checkVerdict(verdict: unknown): WatchAuthorizeResult {
  if (typeof verdict === 'boolean') return verdict;
  if (typeof verdict === 'object' && verdict !== null) {
    if ('peer' in verdict && typeof verdict.peer === 'string') return { peer: verdict.peer };
    if ('code' in verdict && isStatus(verdict.code)) {
      const details = 'details' in verdict ? String(verdict.details) : '';
      return { code: verdict.code, details };
    }
  }
  throw new InvalidArgumentError('authorize must give true, false, a peer, or a status with a code from 1 to 16');
}

function isStatus(code: unknown): code is number {
  return typeof code === 'number' && Number.isInteger(code) && code >= 1 && code <= 16;
}
