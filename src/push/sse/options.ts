import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import type { GateOptions } from '../http/gate.js';
import type { StreamingOptions } from '../http/streaming-options.js';
import { oneOf } from '../../limits/option-values.js';
import type { EncodeHook } from './frames.js';

/** How `sseHandler` works. */
export interface SSEHandlerOptions extends GateOptions, StreamingOptions {
  /**
   * Where a client without a cursor begins: behind the newest event, or before the oldest that is retained. Default `now`.
   */
  readonly start?: 'now' | 'start';
  /** Reconnection time to tell clients, in milliseconds. Default: none, they decide. */
  readonly retry?: number;
  /**
   * What clients are sent for an event. Default: its type and data. `undefined` leaves it out; when the hook throws, that is
   * logged and the event left out. Called once for all who follow live, and again for a client that catches up.
   */
  readonly encode?: EncodeHook;
  /** What happens to a client that the history has overtaken: it is told by a `gap`, or ended. Default `gap`. */
  readonly whenOvertaken?: 'gap' | 'drop';
}

const NAMES: OptionNames<SSEHandlerOptions> = {
  stream: true,
  wildcards: true,
  authorize: true,
  cors: true,
  allowedHosts: true,
  logger: true,
  keepAlive: true,
  writeTimeout: true,
  compression: true,
  maxClients: true,
  maxClientsPerConnection: true,
  clock: true,
  start: true,
  retry: true,
  encode: true,
  whenOvertaken: true,
};

/** Checks what is of this handler alone. @throws InvalidArgumentError */
export function checkSSEOptions(options: SSEHandlerOptions): void {
  checkOptionNames('sseHandler', options, NAMES);
  const { start, retry, encode, whenOvertaken } = options;
  if (start !== undefined) oneOf('start', start, ['now', 'start']);
  if (whenOvertaken !== undefined) oneOf('whenOvertaken', whenOvertaken, ['gap', 'drop']);
  if (encode !== undefined && typeof encode !== 'function') {
    throw new InvalidArgumentError('encode must be a function');
  }
  if (retry !== undefined && (!Number.isSafeInteger(retry) || retry < 0)) {
    throw new InvalidArgumentError(`retry must be a whole number of milliseconds from 0, not ${String(retry)}`);
  }
}
