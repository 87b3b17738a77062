import type { IncomingMessage } from 'node:http';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { systemClock, type Clock } from '../clock/clock.js';
import { parseUrl } from '../carrier/dial.js';
import type { OriginOptions, Refusal } from '../carrier/websocket/index.js';
import { InvalidArgumentError } from '../errors/index.js';
import { StreamHeaders, type Dialer, type HeadersInit, type UpgradeRequest } from '../httpstream/index.js';
import { resolveLimits, type Limits } from '../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { allowAnyAddress, denyLocalAddresses, type AddressPolicy, type Lookup } from './addresses.js';
import { OpenCalls } from './open-calls.js';
import { isToken } from './request-text.js';

/** Where to proxy to. A function decides per request; `undefined` answers 404. */
export type ProxyTarget =
  | string
  | URL
  | ((req: IncomingMessage) => string | URL | undefined | Promise<string | URL | undefined>);

/**
 * How an `UpgradeAwareProxy` works. The names are those of apimachinery's `UpgradeAwareHandler` where it has them.
 *
 * `allowedOrigins` is about upgrades only: the backend sees the Origin of plain requests, but a browser takes a WebSocket
 * for allowed once it is open. `allowedHosts` is about both.
 */
export interface UpgradeAwareProxyOptions extends OriginOptions {
  /**
   * Address of the backend. Its path is what the backend is asked for, unless `useRequestLocation`. A string without a
   * path, such as `http://10.0.0.1:80`, has an empty one: GET and HEAD then get a 301 that adds the slash.
   */
  readonly target: ProxyTarget;
  /** Ask the backend for the path and query of the request rather than of the target. Default false. */
  readonly useRequestLocation?: boolean;
  /** Put the target's path in front of the path that the backend is asked for. Default false. */
  readonly appendLocationPath?: boolean;
  /** Send the target's host as Host, rather than that of the request. Default false. */
  readonly useLocationHost?: boolean;
  /** Answer 400 to what is no upgrade. Default false. */
  readonly upgradeRequired?: boolean;
  /** Answer 502 in place of a backend's 3xx with a Location. Redirects of upgrades are never passed on. Default false. */
  readonly rejectForwardingRedirects?: boolean;
  /** Headers for the backend, in place of those of the same name in the request: the proxy's own credentials, say. */
  readonly headers?: HeadersInit | ((req: IncomingMessage) => HeadersInit | Promise<HeadersInit>);
  /** Names of headers that the backend does not get: the caller's credentials, say. Default none. */
  readonly removeHeaders?: readonly string[];
  /** Client certificate, custom CA and other TLS settings for the backend. ALPN is always `http/1.1`. */
  readonly tls?: TlsConnectionOptions;
  /** Replaces TCP and TLS dialling. Gets the address that was checked, where one is checked. */
  readonly dialer?: Dialer;
  /** Proxy on the way to the backend, as for every client here; not together with `dialer`. Default none. */
  readonly proxy?: UpgradeRequest['proxy'];
  /** TLS settings towards an `https:` proxy. */
  readonly proxyTls?: TlsConnectionOptions;
  /**
   * Decides on each address that would be dialled. The name is resolved once, every address it has is checked, and one of
   * these is dialled. Default: {@link denyLocalAddresses} when `target` is a function, which may depend on what others
   * wrote; {@link allowAnyAddress} when it is fixed.
   */
  readonly checkAddress?: AddressPolicy;
  /** Resolves names for `checkAddress`. Default: the system's resolver. */
  readonly lookup?: Lookup;
  /**
   * Decides on every request, plain or upgrade, before anything is dialled; what it returns is answered instead. A
   * WebSocket is a GET: decide by what the path does (exec runs code), not by the method.
   */
  readonly authorize?: (req: IncomingMessage) => Refusal | undefined | Promise<Refusal | undefined>;
  /** Refuse upgrades without Origin too, so that only pages can open them. Default false. */
  readonly requireOrigin?: boolean;
  /** Protocols that may be upgraded to. Default `SPDY/3.1`, `websocket`, `yamux`, `yamux-headers/1`. */
  readonly upgradeTokens?: readonly string[];
  /** Bytes of the header of a backend's answer. Default 65,536; the original has no limit, its tunnel 1 MiB. */
  readonly maxResponseHeaderBytes?: number;
  /** Bytes per second of an upgraded connection, for each direction; 0 for no cap. Default 0. */
  readonly maxBytesPerSecond?: number;
  /**
   * Milliseconds without a byte after one end has ended its direction, upon which both are closed. 0 closes both as soon
   * as one ends, as the original does. Default 30,000.
   */
  readonly halfCloseTimeout?: number;
  /** Milliseconds without a byte either way until an upgraded connection is closed; 0 for never. Default 14,400,000. */
  readonly idleTimeout?: number;
  /** Milliseconds in which a backend's refusal must be passed on. Default 10,000. */
  readonly refusalTimeout?: number;
  /**
   * `upgradeTimeout` bounds dialling, and on upgrades the answer too. `writeTimeout` is 0 (off) unless given: a terminal
   * that is scrolled back takes nothing for hours and is well.
   */
  readonly limits?: Partial<Limits>;
  readonly clock?: Clock;
  /** Stops the proxy: what is under way is cut, and what comes is answered 503. */
  readonly signal?: AbortSignal;
  /** Told of everything that a caller got a 5xx for. */
  readonly onError?: (error: unknown, req: IncomingMessage) => void;
}

/** {@link UpgradeAwareProxyOptions} with everything decided. */
export interface ProxySettings {
  readonly target: (req: IncomingMessage) => Promise<string | URL | undefined>;
  readonly useRequestLocation: boolean;
  readonly appendLocationPath: boolean;
  readonly useLocationHost: boolean;
  readonly upgradeRequired: boolean;
  readonly rejectForwardingRedirects: boolean;
  readonly headers: (req: IncomingMessage) => Promise<StreamHeaders>;
  readonly removeHeaders: ReadonlySet<string>;
  readonly tls: TlsConnectionOptions;
  readonly dialer: Dialer | undefined;
  readonly proxy: UpgradeRequest['proxy'];
  readonly proxyTls: TlsConnectionOptions | undefined;
  readonly checkAddress: AddressPolicy;
  readonly lookup: Lookup | undefined;
  readonly authorize: NonNullable<UpgradeAwareProxyOptions['authorize']> | undefined;
  readonly allowedOrigins: readonly string[] | 'any';
  readonly requireOrigin: boolean;
  readonly allowedHosts: readonly string[] | undefined;
  readonly upgradeTokens: ReadonlySet<string>;
  readonly maxResponseHeaderBytes: number;
  readonly maxBytesPerSecond: number;
  readonly halfCloseTimeout: number;
  readonly idleTimeout: number;
  readonly refusalTimeout: number;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly calls: OpenCalls;
  readonly onError: (error: unknown, req: IncomingMessage) => void;
}

const OPTIONS: OptionNames<UpgradeAwareProxyOptions> = {
  target: true,
  useRequestLocation: true,
  appendLocationPath: true,
  useLocationHost: true,
  upgradeRequired: true,
  rejectForwardingRedirects: true,
  headers: true,
  removeHeaders: true,
  tls: true,
  dialer: true,
  proxy: true,
  proxyTls: true,
  checkAddress: true,
  lookup: true,
  authorize: true,
  allowedOrigins: true,
  allowedHosts: true,
  requireOrigin: true,
  upgradeTokens: true,
  maxResponseHeaderBytes: true,
  maxBytesPerSecond: true,
  halfCloseTimeout: true,
  idleTimeout: true,
  refusalTimeout: true,
  limits: true,
  clock: true,
  signal: true,
  onError: true,
};
const UPGRADE_TOKENS: readonly string[] = ['SPDY/3.1', 'websocket', 'yamux', 'yamux-headers/1'];
const FOUR_HOURS = 14_400_000;
const UPGRADE_TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+(?:\/[!#$%&'*+\-.^_`|~0-9A-Za-z]+)?$/;

/** @throws InvalidArgumentError for what cannot work. */
export function resolveProxyOptions(options: UpgradeAwareProxyOptions): ProxySettings {
  checkOptionNames('a proxy', options, OPTIONS);
  for (const name of ['removeHeaders', 'upgradeTokens', 'allowedHosts'] as const) {
    if (!Array.isArray(options[name] ?? [])) throw new InvalidArgumentError(`${name} must be a list`);
  }
  for (const name of ['authorize', 'checkAddress', 'onError'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function')
      throw new InvalidArgumentError(`${name} must be a function`);
  }
  const { target, headers = {}, upgradeTokens = UPGRADE_TOKENS, onError } = options;
  if (typeof target !== 'function') parseUrl(target);
  const ownHeaders = typeof headers === 'function' ? headers : new StreamHeaders(headers);
  for (const token of upgradeTokens) {
    if (!UPGRADE_TOKEN.test(token)) throw new InvalidArgumentError(`not an upgrade token: ${JSON.stringify(token)}`);
  }
  for (const name of options.removeHeaders ?? []) {
    if (!isToken(name)) throw new InvalidArgumentError(`not a header name: ${JSON.stringify(name)}`);
  }
  return {
    target: async (req) => (typeof target === 'function' ? await target(req) : target),
    useRequestLocation: options.useRequestLocation ?? false,
    appendLocationPath: options.appendLocationPath ?? false,
    useLocationHost: options.useLocationHost ?? false,
    upgradeRequired: options.upgradeRequired ?? false,
    rejectForwardingRedirects: options.rejectForwardingRedirects ?? false,
    headers: async (req) => (typeof ownHeaders === 'function' ? new StreamHeaders(await ownHeaders(req)) : ownHeaders),
    removeHeaders: lowerCase(options.removeHeaders ?? []),
    tls: { ...options.tls, ALPNProtocols: ['http/1.1'] },
    dialer: options.dialer,
    proxy: options.proxy,
    proxyTls: options.proxyTls,
    checkAddress: options.checkAddress ?? (typeof target === 'function' ? denyLocalAddresses : allowAnyAddress),
    lookup: options.lookup,
    authorize: options.authorize,
    allowedOrigins: options.allowedOrigins ?? [],
    requireOrigin: options.requireOrigin ?? false,
    allowedHosts: options.allowedHosts?.map((name) => name.toLowerCase()),
    upgradeTokens: lowerCase(upgradeTokens),
    maxResponseHeaderBytes: atLeast('maxResponseHeaderBytes', options.maxResponseHeaderBytes, 65_536, 1),
    maxBytesPerSecond: atLeast('maxBytesPerSecond', options.maxBytesPerSecond, 0),
    halfCloseTimeout: atLeast('halfCloseTimeout', options.halfCloseTimeout, 30_000),
    idleTimeout: atLeast('idleTimeout', options.idleTimeout, FOUR_HOURS),
    refusalTimeout: atLeast('refusalTimeout', options.refusalTimeout, 10_000, 1),
    limits: resolveLimits({ writeTimeout: 0, ...options.limits }),
    clock: options.clock ?? systemClock,
    calls: new OpenCalls(options.signal),
    onError: (error, req) => {
      try {
        onError?.(error, req);
      } catch {
        // A failing observer must not take the proxy down.
      }
    },
  };
}

function lowerCase(names: readonly string[]): ReadonlySet<string> {
  return new Set(names.map((name) => name.toLowerCase()));
}

function atLeast(name: string, value: number | undefined, fallback: number, least = 0): number {
  if (value === undefined) return fallback;
  if (Number.isFinite(value) && value >= least) return value;
  throw new InvalidArgumentError(`${name} must be a number, ${least} or more, not ${value}`);
}
