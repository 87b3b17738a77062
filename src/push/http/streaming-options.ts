import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { milliseconds, wholeNumber } from '../../limits/option-values.js';

/** How responses are streamed; the same for all handlers. */
export interface StreamingOptions {
  /** Milliseconds for which a client may be sent nothing; then it is sent a keepalive. 0: none. Default 15,000. */
  readonly keepAlive?: number;
  /**
   * Milliseconds for which a client that has no room may take nothing; then it is cut off, with the reason `stalled`. It is
   * looked at eight times in that time. 0: never. Default 10,000.
   */
  readonly writeTimeout?: number;
  /**
   * Whether responses are compressed for clients that ask for it. With gzip each batch of events is compressed once for all
   * of them; brotli, for clients that accept no gzip, costs a compressor for each. Default `true`.
   */
  readonly compression?: boolean;
  /** Clients served at once, those waiting for `authorize` included; more get a 503. Default 100,000. */
  readonly maxClients?: number;
  /**
   * Streams of one HTTP/2 connection served at once; more get a 429. Browsers open no more than 100; a proxy that puts many
   * users on one connection needs more. Default 100.
   */
  readonly maxClientsPerConnection?: number;
  /** Default: the clock of the log. */
  readonly clock?: Clock;
}

/** Options with nothing left open. */
export interface StreamingSettings {
  readonly keepAlive: number;
  readonly writeTimeout: number;
  readonly compression: boolean;
  readonly maxClients: number;
  readonly maxClientsPerConnection: number;
  readonly clock: Clock;
}

/** Fills in defaults and checks the values; names are for the handlers to check. @throws InvalidArgumentError */
export function resolveStreamingOptions(options: StreamingOptions, clock: Clock): StreamingSettings {
  const { compression = true } = options;
  if (typeof compression !== 'boolean') {
    throw new InvalidArgumentError(`compression must be true or false, not ${String(compression)}`);
  }
  return {
    keepAlive: milliseconds('keepAlive', options.keepAlive ?? 15_000),
    writeTimeout: milliseconds('writeTimeout', options.writeTimeout ?? 10_000),
    compression,
    maxClients: wholeNumber('maxClients', options.maxClients ?? 100_000),
    maxClientsPerConnection: wholeNumber('maxClientsPerConnection', options.maxClientsPerConnection ?? 100),
    clock: options.clock ?? clock,
  };
}
