import type { OriginOptions } from '../../carrier/websocket/index.js';
import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { resolveLimits, type Limits } from '../../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import type { Logger } from '../../logger/logger.js';
import type { Authorize } from '../http/authorize.js';
import { handlerLogger } from '../http/handler-logger.js';
import { checkStreamOption, type StreamOption } from '../http/request.js';
import { oneOf, wholeNumber } from '../../limits/option-values.js';

/** How a `webSocketHandler` works. `allowedOrigins` and `allowedHosts` say which pages may connect. */
export interface WebSocketHandlerOptions extends OriginOptions {
  /**
   * The streams that clients follow: always these, or what a function reads from the request. With it clients cannot
   * subscribe to others. Default: the query parameters `stream`, and what clients subscribe to by message.
   */
  readonly stream?: StreamOption;
  /** Whether clients may ask for patterns (`orders.*`) besides names. Default `false`. */
  readonly wildcards?: boolean;
  /**
   * Decides whether a request may follow these streams, before it is upgraded; without any in the request it is asked with
   * none, and again for each subscription. Default: everybody may.
   */
  readonly authorize?: Authorize;
  /** Where a subscription without a cursor begins: behind the newest event, or before the oldest retained. Default `now`. */
  readonly start?: 'now' | 'start';
  /** What happens to a subscription that the history has overtaken: it is told by a `gap`, or ended. Default `gap`. */
  readonly whenOvertaken?: 'gap' | 'drop';
  /**
   * Milliseconds between pings. A client of which nothing was heard from one to the next is cut off, with the reason
   * `timeout`. 0: none. Default 15,000.
   */
  readonly keepAlive?: number;
  /** Milliseconds for which a client that has no room may take nothing; then it is cut off: `stalled`. Default 10,000. */
  readonly writeTimeout?: number;
  /** Milliseconds that a client may take until its first subscription; then it is closed with 1008. Default 10,000. */
  readonly subscribeTimeout?: number;
  /** Milliseconds that a client has to answer a close; then it is cut off. Default 3,000. */
  readonly closeTimeout?: number;
  /** Sockets at once, those waiting for `authorize` included; more get a 503. Default 100,000. */
  readonly maxClients?: number;
  /** Subscriptions of one socket; more are refused. Default 64. */
  readonly maxSubscriptions?: number;
  /** Bytes of a message of a client; a longer one closes with 1009. Default 16,384. */
  readonly maxMessageBytes?: number;
  /** Messages, pings and pongs that a client may send in one go; past it the socket is closed with 1008. Default 1,000. */
  readonly messageBurst?: number;
  /** The same, regained per second. Default 100. */
  readonly messagesPerSecond?: number;
  /** Default: errors of hooks are warnings of the process, each once; nothing else is told. */
  readonly logger?: Logger;
  /** Default: the clock of the log. */
  readonly clock?: Clock;
}

/** {@link WebSocketHandlerOptions} with nothing left open. */
export interface WebSocketSettings {
  readonly origins: OriginOptions;
  readonly stream: StreamOption | undefined;
  readonly wildcards: boolean;
  readonly authorize: Authorize | undefined;
  readonly start: 'now' | 'start';
  readonly whenOvertaken: 'gap' | 'drop';
  readonly keepAlive: number;
  readonly writeTimeout: number;
  readonly subscribeTimeout: number;
  readonly maxClients: number;
  readonly maxSubscriptions: number;
  readonly messageBurst: number;
  readonly messagesPerSecond: number;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly clock: Clock;
}

const NAMES: OptionNames<WebSocketHandlerOptions> = {
  stream: true,
  wildcards: true,
  authorize: true,
  start: true,
  whenOvertaken: true,
  keepAlive: true,
  writeTimeout: true,
  subscribeTimeout: true,
  closeTimeout: true,
  maxClients: true,
  maxSubscriptions: true,
  maxMessageBytes: true,
  messageBurst: true,
  messagesPerSecond: true,
  allowedOrigins: true,
  allowedHosts: true,
  logger: true,
  clock: true,
};

const MAX_FRAGMENTS = 64;

/** Fills in defaults and checks. @throws InvalidArgumentError */
export function resolveWebSocketOptions(options: WebSocketHandlerOptions, clock: Clock): WebSocketSettings {
  checkOptionNames('webSocketHandler', options, NAMES);
  const { allowedHosts, allowedOrigins, authorize, start = 'now', stream, whenOvertaken = 'gap' } = options;
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new InvalidArgumentError('authorize must be a function');
  }
  oneOf('start', start, ['now', 'start']);
  oneOf('whenOvertaken', whenOvertaken, ['gap', 'drop']);
  if (allowedOrigins !== undefined && allowedOrigins !== 'any' && !Array.isArray(allowedOrigins)) {
    throw new InvalidArgumentError("allowedOrigins must be a list, or 'any'");
  }
  if (allowedHosts !== undefined && !Array.isArray(allowedHosts)) {
    throw new InvalidArgumentError('allowedHosts must be a list');
  }
  checkStreamOption(stream);
  const { wildcards = false } = options;
  if (typeof wildcards !== 'boolean') throw new InvalidArgumentError('wildcards must be true or false');
  return {
    origins: {
      ...(allowedOrigins === undefined ? {} : { allowedOrigins }),
      ...(allowedHosts === undefined ? {} : { allowedHosts }),
    },
    stream,
    wildcards,
    authorize,
    start,
    whenOvertaken,
    keepAlive: wholeNumber('keepAlive', options.keepAlive ?? 15_000, 0),
    writeTimeout: wholeNumber('writeTimeout', options.writeTimeout ?? 10_000),
    subscribeTimeout: wholeNumber('subscribeTimeout', options.subscribeTimeout ?? 10_000),
    maxClients: wholeNumber('maxClients', options.maxClients ?? 100_000),
    maxSubscriptions: wholeNumber('maxSubscriptions', options.maxSubscriptions ?? 64),
    messageBurst: wholeNumber('messageBurst', options.messageBurst ?? 1_000),
    messagesPerSecond: wholeNumber('messagesPerSecond', options.messagesPerSecond ?? 100),
    limits: resolveLimits({
      maxMessageBytes: wholeNumber('maxMessageBytes', options.maxMessageBytes ?? 16 * 1024),
      maxFragments: MAX_FRAGMENTS,
      closeTimeout: wholeNumber('closeTimeout', options.closeTimeout ?? 3_000),
    }),
    logger: handlerLogger(options.logger),
    clock: options.clock ?? clock,
  };
}
