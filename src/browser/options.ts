import type { Clock } from '../clock/clock.js';
import { InvalidArgumentError } from '../errors/index.js';
import { resolveLimits, type Limits } from '../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import type { BrowserStream, BrowserStreamHandler } from './types.js';
import type { WebSocketConstructor } from './web-socket.js';

/** yamux whose streams carry headers and are accepted or refused. */
export const YAMUX_HEADERS_SUBPROTOCOL = 'yamux-headers.v1';
/** yamux as hashicorp specified it, for any peer: streams without headers. */
export const YAMUX_SUBPROTOCOL = 'yamux';

/** Settings of {@link connectWebSocket}. */
export interface ConnectWebSocketOptions {
  /**
   * Subprotocols to offer, best first: `yamux-headers.v1`, `yamux` (streams without headers), or both. Others may stand
   * beside them for the server to read, such as a token, which a page has no header for; the server must not choose
   * those. Default `['yamux-headers.v1']`.
   */
  readonly protocols?: readonly string[];
  /** Cancels the connecting. Once the connection exists, it has no effect. */
  readonly signal?: AbortSignal;
  /** Gets the streams that the server opens. Default: they are refused. */
  readonly newStreamHandler?: BrowserStreamHandler;
  /**
   * Told what the handler threw, or rejected with, after the stream was refused or reset; the peer is never told.
   * Default: nobody is told.
   */
  readonly onHandlerError?: (error: unknown, stream: BrowserStream) => void;
  /** Overrides of `DEFAULT_LIMITS`. Connecting may take `limits.upgradeTimeout`. */
  readonly limits?: Partial<Limits>;
  /** Milliseconds of silence after which the peer is pinged; 0 turns pings off. Default 15,000. */
  readonly pingPeriod?: number;
  /**
   * Milliseconds without any sign of life, from the first unanswered ping on, after which the peer counts as dead; 0 for
   * never. Default 10,000. Longer where the browser slows the page's timers down: several pings have to go unanswered.
   */
  readonly pingTimeout?: number;
  readonly clock?: Clock;
  /** What makes the WebSocket. Default: the global `WebSocket`. For workers of other kinds, and Node before 22. */
  readonly webSocket?: WebSocketConstructor;
}

const OPTIONS: OptionNames<ConnectWebSocketOptions> = {
  protocols: true,
  signal: true,
  newStreamHandler: true,
  onHandlerError: true,
  limits: true,
  pingPeriod: true,
  pingTimeout: true,
  clock: true,
  webSocket: true,
};

/** Refuses unusable settings. @throws InvalidArgumentError */
export function checkOptions(options: ConnectWebSocketOptions): void {
  checkOptionNames('connectWebSocket', options, OPTIONS);
  resolveLimits(options.limits);
  checkMilliseconds('pingPeriod', options.pingPeriod ?? 0);
  checkMilliseconds('pingTimeout', options.pingTimeout ?? 0);
  const { protocols = [YAMUX_HEADERS_SUBPROTOCOL] } = options;
  if (!protocols.includes(YAMUX_HEADERS_SUBPROTOCOL) && !protocols.includes(YAMUX_SUBPROTOCOL)) {
    throw new InvalidArgumentError(`protocols must offer ${YAMUX_HEADERS_SUBPROTOCOL} or ${YAMUX_SUBPROTOCOL}`);
  }
}

function checkMilliseconds(name: string, value: number): void {
  if (!Number.isFinite(value) || value < 0) {
    throw new InvalidArgumentError(`${name} must be a number of milliseconds, 0 or more, not ${String(value)}`);
  }
}
