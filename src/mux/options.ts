import type { Duplex } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { InvalidArgumentError } from '../errors/index.js';
import type { NewStreamHandler, Stream } from '../httpstream/index.js';
import { resolveLimits, type Limits } from '../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';

/**
 * What happens when one stream holds `limits.streamBufferBytes` unread on a wire without flow control:
 * `pause` stops reading the whole connection until the stream is read; `resetAfter` does so for that many milliseconds
 * and then resets the stream, unless `spare` says that it may go on: nobody waits for it, say. It is asked again after as
 * long a time.
 */
export type StallPolicy =
  | 'pause'
  | { readonly resetAfter: number; readonly spare?: ((stream: Stream) => boolean) | undefined };

/** Settings of a connection. */
export interface ConnectionOptions {
  /** Overrides of `DEFAULT_LIMITS`. */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** As `setIdleTimeout`; default 0, off. */
  readonly idleTimeout?: number;
  /** Whether pings keep an idle connection open, as they do in the original. Default false. */
  readonly pingsAreActivity?: boolean;
  /** Milliseconds of silence after which the peer is pinged; 0 turns pings off. Default 15,000. */
  readonly pingPeriod?: number;
  /**
   * Milliseconds without any sign of life, from the first unanswered ping on, after which the peer counts as dead; 0
   * for never. Default 10,000. Suspended while this side does not read, and while data we sent may be what keeps the
   * peer from reading.
   */
  readonly pingTimeout?: number;
  /** Default `pause`. */
  readonly stallPolicy?: StallPolicy;
  /**
   * Told what a NewStreamHandler threw, or rejected with, after the stream was refused or reset; the peer is never told.
   * That includes the errors of streams that the peer broke off, where a handler passes them on. Default: nobody is told.
   */
  readonly onHandlerError?: (error: unknown, stream: Stream) => void;
  /** Bytes of the new protocol that were read together with the upgrade. */
  readonly head?: Buffer;
}

const CONNECTION_OPTIONS: OptionNames<ConnectionOptions> = {
  limits: true,
  clock: true,
  idleTimeout: true,
  pingsAreActivity: true,
  pingPeriod: true,
  pingTimeout: true,
  stallPolicy: true,
  onHandlerError: true,
  head: true,
};
/** An engine tolerates what another one takes, so that several can be given the same object. */
const ENGINE_OPTIONS = {
  ...CONNECTION_OPTIONS,
  headers: true,
  compressionLevel: true,
  newStreamHandler: true,
} as const;

const ELSEWHERE = Object.fromEntries(
  ['url', 'tls', 'dialer', 'proxy', 'proxyTls', 'signal', 'timeout', 'method'].map((name) => [name, 'the request']),
);

/** Refuses misspelt options; `more` are those that the engine has besides. @throws InvalidArgumentError */
export function checkEngineOptionNames(owner: string, options: object, more?: Readonly<Record<string, true>>): void {
  checkOptionNames(owner, options, { ...ENGINE_OPTIONS, ...more }, ELSEWHERE);
}

/** Refuses unusable settings. @throws InvalidArgumentError */
export function checkConnectionOptions(options: ConnectionOptions): void {
  resolveLimits(options.limits);
  const { idleTimeout = 0, pingPeriod = 0, pingTimeout = 0, stallPolicy = 'pause' } = options;
  checkMilliseconds('idle timeout', idleTimeout);
  checkMilliseconds('pingPeriod', pingPeriod);
  checkMilliseconds('pingTimeout', pingTimeout);
  if (stallPolicy !== 'pause') checkMilliseconds('resetAfter', stallPolicy.resetAfter);
}

/** Refuses what is not a duration. */
export function checkMilliseconds(name: string, value: number): number {
  if (!Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError(`${name} must be a number of milliseconds, 0 or more, not ${String(value)}`);
  }
  return value;
}

/** Refuses what callers without types give in place of a stream. @throws InvalidArgumentError */
export function checkDuplex(duplex: Duplex): void {
  if (typeof duplex?.write !== 'function' || typeof duplex.on !== 'function') {
    throw new InvalidArgumentError('a connection needs a duplex stream, such as a socket');
  }
}

/** Likewise in place of a handler. @throws InvalidArgumentError */
export function checkStreamHandler(handler: NewStreamHandler): void {
  if (typeof handler !== 'function') {
    throw new InvalidArgumentError('a function that takes the new streams is needed; noOpNewStreamHandler is one');
  }
}
