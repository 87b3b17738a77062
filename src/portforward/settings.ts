import type { IncomingMessage } from 'node:http';
import type { Clock } from '../clock/clock.js';
import { systemClock } from '../clock/clock.js';
import { originRefusal, type OriginOptions, type Refusal } from '../carrier/websocket/index.js';
import { InvalidArgumentError } from '../errors/index.js';
import { DEFAULT_LIMITS, resolveLimits, type Limits } from '../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { PortNotAllowedError } from './errors.js';
import type { PortDialer } from './dial-port.js';
import { MAX_PORT, type PortForwardTransport } from './protocol.js';
import type { DialPort } from './types.js';

/** How {@link portForwardHandler} serves, and which pages may have browsers ask: by default only those of its own host. */
export interface PortForwardHandlerOptions extends OriginOptions {
  /** The ports that may be forwarded. Default: all. Others fail like ports where nothing listens; on `v4.channel.k8s.io`, 403. */
  readonly ports?: readonly number[];
  /** What is spoken; other requests are refused with 400. Default: all three. */
  readonly transports?: readonly PortForwardTransport[];
  /**
   * When clients are told, on the error stream, why a connection failed. client-go, and so kubectl, ends its whole
   * session upon any text there. `scoped`: only those that say that it ends one connection, as `portForward` does; for
   * others the data stream is refused or reset, which fails just that connection. `always`: everyone, as in the
   * original. On `v4.channel.k8s.io` all are told always. Default `scoped`.
   */
  readonly errorText?: 'scoped' | 'always';
  /** Connections forwarded at once for one client; more fail. Default 500. */
  readonly maxConnections?: number;
  /**
   * Milliseconds for `dial`. With `errorText: 'scoped'` the client's stream is answered after the dial, for which
   * client-go waits 30,000. Default 20,000.
   */
  readonly dialTimeout?: number;
  /** Milliseconds for the second of a connection's two streams to follow the first. Default 30,000. */
  readonly creationTimeout?: number;
  /** Milliseconds without activity after which a client's session ends; 0 for never. Default 14,400,000 (4 hours). */
  readonly idleTimeout?: number;
  /**
   * Milliseconds for which a connection whose pod does not read may hold up the others; then it is reset. 0: for as long
   * as it takes. SPDY has no flow control, so one unread stream stops them all. Default 30,000.
   */
  readonly stallTimeout?: number;
  /**
   * Milliseconds between pings; 0 for none. No answer is asked for: a client may be stopped, or busy with an application
   * that does not read. A peer that vanished is found by the kernel. Default 30,000.
   */
  readonly pingPeriod?: number;
  /**
   * Bounds on the client. Unless given: `maxStreams` twice `maxConnections` and some, `acceptBacklog` the same,
   * `streamBufferBytes` at most what `receiveBudgetBytes` allows for that, `resetBurst` 1,000 and `resetsPerSecond` 200
   * (applications behind a client abort connections at will), `writeTimeout` 0 (they also read as slowly as they like).
   */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Ends all sessions; what is asked for afterwards is refused with 503. */
  readonly signal?: AbortSignal;
  /** Told why connections to pods failed, beside the client. */
  readonly onError?: (error: unknown, connection: { readonly port: number; readonly request: IncomingMessage }) => void;
}

/** The options with everything decided. */
export interface ForwardSettings extends PortDialer {
  /** Why a page's request is refused, if it is. */
  readonly originRefusal: (req: IncomingMessage) => Refusal | undefined;
  /** @throws PortNotAllowedError */
  readonly checkPort: (port: number) => void;
  readonly errorText: 'scoped' | 'always';
  readonly maxConnections: number;
  readonly creationTimeout: number;
  readonly idleTimeout: number;
  readonly stallTimeout: number;
  readonly pingPeriod: number;
  readonly transports: ReadonlySet<PortForwardTransport>;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Whether the handler was stopped. */
  readonly stopped: () => boolean;
  /** Calls back when the handler is stopped; at once if it was. Returns how to call that off. */
  readonly onStop: (stop: () => void) => () => void;
  readonly onError: NonNullable<PortForwardHandlerOptions['onError']>;
}

const OPTIONS: OptionNames<PortForwardHandlerOptions> = {
  ports: true,
  transports: true,
  allowedOrigins: true,
  allowedHosts: true,
  errorText: true,
  maxConnections: true,
  dialTimeout: true,
  creationTimeout: true,
  idleTimeout: true,
  stallTimeout: true,
  pingPeriod: true,
  limits: true,
  clock: true,
  signal: true,
  onError: true,
};
const HOUR = 3_600_000;
const TRANSPORTS: readonly PortForwardTransport[] = ['tunnel', 'spdy', 'websocket'];
/** Streams beyond two per connection: those just finished, and those just about to be refused. */
const SPARE_STREAMS = 12;

/** @throws InvalidArgumentError for options out of range. */
export function resolveSettings(dial: DialPort, options: PortForwardHandlerOptions): ForwardSettings {
  if (typeof dial !== 'function') throw new InvalidArgumentError('a function that connects to ports is needed');
  checkOptionNames('portForwardHandler', options, OPTIONS);
  const { errorText = 'scoped', transports = TRANSPORTS, maxConnections = 500, onError } = options;
  if (errorText !== 'scoped' && errorText !== 'always') {
    throw new InvalidArgumentError(`errorText must be scoped or always, not ${String(errorText)}`);
  }
  for (const transport of transports) {
    if (!TRANSPORTS.includes(transport)) throw new InvalidArgumentError(`unknown transport: ${String(transport)}`);
  }
  if (!Number.isSafeInteger(maxConnections) || maxConnections < 1) {
    throw new InvalidArgumentError(`maxConnections must be a whole number above 0, not ${String(maxConnections)}`);
  }
  return {
    dial,
    errorText,
    maxConnections,
    transports: new Set(transports),
    originRefusal: originCheck(options),
    checkPort: portCheck(options.ports),
    dialTimeout: milliseconds('dialTimeout', options.dialTimeout, 20_000),
    creationTimeout: milliseconds('creationTimeout', options.creationTimeout, 30_000),
    idleTimeout: milliseconds('idleTimeout', options.idleTimeout, 4 * HOUR),
    stallTimeout: milliseconds('stallTimeout', options.stallTimeout, 30_000),
    pingPeriod: milliseconds('pingPeriod', options.pingPeriod, 30_000),
    limits: limitsFor(maxConnections, options.limits),
    clock: options.clock ?? systemClock,
    ...stopping(options.signal),
    onError(error, connection) {
      try {
        onError?.(error, connection);
      } catch {
        // A failing observer must not take the connections down with it.
      }
    },
  };
}

function limitsFor(maxConnections: number, given: Partial<Limits> = {}): Limits {
  const { maxStreams = 2 * maxConnections + SPARE_STREAMS, receiveBudgetBytes = DEFAULT_LIMITS.receiveBudgetBytes } =
    given;
  const share = Math.max(1, Math.floor(receiveBudgetBytes / maxStreams));
  return resolveLimits({
    maxStreams,
    acceptBacklog: maxStreams,
    streamBufferBytes: Math.min(DEFAULT_LIMITS.streamBufferBytes, share),
    resetBurst: 1_000,
    resetsPerSecond: 200,
    writeTimeout: 0,
    ...given,
  });
}

function originCheck(options: OriginOptions): (req: IncomingMessage) => Refusal | undefined {
  const { allowedOrigins = [] } = options;
  if (allowedOrigins !== 'any' && !Array.isArray(allowedOrigins)) {
    throw new InvalidArgumentError("allowedOrigins must be a list of origins, or 'any'");
  }
  return (req) => originRefusal(req, options);
}

function portCheck(ports: readonly number[] | undefined): (port: number) => void {
  if (ports === undefined) return () => {};
  if (!Array.isArray(ports)) throw new InvalidArgumentError('ports must be a list of ports');
  for (const port of ports) {
    if (!Number.isInteger(port) || port < 1 || port > MAX_PORT) {
      throw new InvalidArgumentError(`ports must be whole numbers from 1 to ${MAX_PORT}, not ${String(port)}`);
    }
  }
  const allowed = new Set(ports);
  return (port) => {
    if (!allowed.has(port)) throw new PortNotAllowedError(port);
  };
}

/** One listener for however many sessions there are. */
function stopping(signal: AbortSignal | undefined): Pick<ForwardSettings, 'stopped' | 'onStop'> {
  const stops = new Set<() => void>();
  signal?.addEventListener('abort', () => stops.forEach((stop) => stop()), { once: true });
  return {
    stopped: () => signal?.aborted === true,
    onStop(stop) {
      if (signal?.aborted === true) stop();
      else stops.add(stop);
      return () => stops.delete(stop);
    },
  };
}

/** A duration, or its default. @throws InvalidArgumentError */
export function milliseconds(name: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError(`${name} must be a number of milliseconds, 0 or more, not ${String(value)}`);
}
