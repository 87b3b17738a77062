import type { RequestListener } from 'node:http';
import { hostname } from 'node:os';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { systemClock, type Clock } from '../clock/clock.js';
import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { milliseconds, wholeNumber } from '../limits/option-values.js';
import { safeLogger, silentLogger, type Logger } from '../logger/logger.js';
import type { PeerFinder } from '../mesh/discovery/types.js';
import type { MeshTimes } from '../mesh/times.js';
import type { CorsOptions } from '../push/http/cors.js';
import type { History, LogLimits } from '../push/log/settings.js';
import { secureFraction } from '../random/secure-fraction.js';
import type { AuthorizeAccess } from './access.js';
import { FixedTokens, type TokenSource } from './tokens.js';

/** How a `PodServer` works. Durations are in milliseconds. */
export interface PodServerOptions {
  /** Finds the other pods. `new LocalhostPeerFinder()` for a pod alone. */
  readonly finder: PeerFinder;
  /**
   * Name of this pod, which no other has at the same time: 1 to 253 characters of letters, digits and - _ . Default: `POD_NAME`,
   * or the host's name and a random number.
   */
  readonly name?: string;
  /** Address of the public port and the internal one. Default `127.0.0.1`. */
  readonly host?: string;
  /** The public port; 0 takes a free one. Default 8000. */
  readonly port?: number;
  /** Address of the internal port. Default: `host`. */
  readonly internalHost?: string;
  /** The port on which pods reach one another; 0 takes a free one. Default 7000. */
  readonly internalPort?: number;
  /** Also serves the gRPC watch service, on this port; 0 takes a free one. Needs `@grpc/grpc-js`. Default: not served. */
  readonly grpcPort?: number;
  /** What all pods know and nobody else, 16 bytes at least. Default: none; whoever reaches the internal port is trusted. */
  readonly secret?: string | Uint8Array;
  /** Mutual TLS between pods: `server` for the internal port, `client` for dialling. */
  readonly tls?: { readonly server: TlsOptions; readonly client: ConnectionOptions };
  /** Whether pods of the Go package sser are got on with; see `MeshOptions`. Default: without `secret` and `tls`. */
  readonly compatible?: boolean;
  /**
   * Bearer tokens of those who may publish, and see `/streams` and `/status`; or what knows them. 16 characters each at
   * least. Not together with `authorize`. Default: without both only clients on this machine may.
   */
  readonly publishTokens?: readonly string[] | TokenSource;
  /** Decides about each request to follow, to publish and to inspect. Default: everybody may follow. */
  readonly authorize?: AuthorizeAccess;
  /** Whether everybody may follow patterns (`orders.*`). Default false: only those who may inspect. */
  readonly wildcards?: boolean;
  /** Pages of which other origins may follow; see the handlers of `trunkline/push`. Default: none. */
  readonly cors?: boolean | CorsOptions;
  /** Origins whose pages may connect by WebSocket, beside the server's own; or `any`. Default: none. */
  readonly allowedOrigins?: readonly string[] | 'any';
  /** Names under which the public port is reached, beside addresses and `localhost`. Default: any, but from pages on loopback. */
  readonly allowedHosts?: readonly string[];
  /** Requests for paths that are none of the pod's own, the root among them. Default: 404, and at the root a list of what there is. */
  readonly requests?: RequestListener;
  /** What each stream keeps. All pods must have the same. */
  readonly history?: Partial<History>;
  /** Bounds of the log. */
  readonly limits?: Partial<LogLimits>;
  /** Clients that follow at once over each transport; more get 503. Default 100,000. */
  readonly maxClients?: number;
  /** What event streams are told to wait before they connect again. Default 2,000. */
  readonly retry?: number;
  /** For the acknowledgements of what is published, unless the request says. Default 10,000. */
  readonly publishTimeout?: number;
  /** Events of one batch. Default 1,000. */
  readonly maxBatch?: number;
  /** Bytes of the body of one request to publish. Default 4,194,304. */
  readonly maxBodyBytes?: number;
  /** For a request to come in whole. Default 30,000. */
  readonly requestTimeout?: number;
  /** For `close`: handing over to other pods, and ending the clients. Default 20,000. */
  readonly drainTimeout?: number;
  readonly times?: Partial<MeshTimes>;
  /** Whether `/metrics` has those of the process too, which are measured from then on until it ends. Default false. */
  readonly processMetrics?: boolean;
  /** Default: says nothing. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Source of numbers in [0, 1). */
  readonly random?: () => number;
}

/** {@link PodServerOptions} with nothing left open but what the mesh and the log fill in. */
export interface PodSettings extends Omit<
  PodServerOptions,
  'publishTokens' | 'authorize' | 'logger' | 'clock' | 'random'
> {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tokens: TokenSource | undefined;
  readonly authorize: AuthorizeAccess | undefined;
  readonly maxClients: number;
  readonly retry: number;
  readonly publishTimeout: number;
  readonly maxBatch: number;
  readonly maxBodyBytes: number;
  readonly requestTimeout: number;
  readonly drainTimeout: number;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: () => number;
}

const NAMES: OptionNames<PodServerOptions> = {
  finder: true,
  name: true,
  host: true,
  port: true,
  internalHost: true,
  internalPort: true,
  grpcPort: true,
  secret: true,
  tls: true,
  compatible: true,
  publishTokens: true,
  authorize: true,
  wildcards: true,
  cors: true,
  allowedOrigins: true,
  allowedHosts: true,
  requests: true,
  history: true,
  limits: true,
  maxClients: true,
  retry: true,
  publishTimeout: true,
  maxBatch: true,
  maxBodyBytes: true,
  requestTimeout: true,
  drainTimeout: true,
  times: true,
  processMetrics: true,
  logger: true,
  clock: true,
  random: true,
};

/** It is told in a header. */
const NAME = /^[\w.-]{1,253}$/;

/** Fills in defaults and checks. @throws InvalidArgumentError */
export function resolvePodOptions(options: PodServerOptions): PodSettings {
  checkOptionNames('PodServer', options, NAMES);
  const { authorize, logger = silentLogger, publishTokens, requests, wildcards, random = secureFraction } = options;
  if (authorize !== undefined && typeof authorize !== 'function') {
    throw new InvalidArgumentError('authorize must be a function');
  }
  if (requests !== undefined && typeof requests !== 'function') {
    throw new InvalidArgumentError('requests must be a function');
  }
  if (authorize !== undefined && publishTokens !== undefined) {
    throw new InvalidArgumentError(
      'publishTokens and authorize exclude each other: the hook can look at tokens itself',
    );
  }
  if (wildcards !== undefined && typeof wildcards !== 'boolean') {
    throw new InvalidArgumentError('wildcards must be true or false');
  }
  for (const [key, value] of Object.entries({ port: options.port, grpcPort: options.grpcPort })) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= 65_535)) {
      throw new InvalidArgumentError(`${key} must be a whole number from 0 to 65,535, not ${String(value)}`);
    }
  }
  return {
    ...options,
    name: podName(options.name, random),
    host: options.host ?? '127.0.0.1',
    port: options.port ?? 8000,
    tokens: tokensOf(publishTokens),
    authorize,
    maxClients: wholeNumber('maxClients', options.maxClients ?? 100_000),
    retry: wholeNumber('retry', options.retry ?? 2_000, 0),
    publishTimeout: wholeNumber('publishTimeout', options.publishTimeout ?? 10_000),
    maxBatch: wholeNumber('maxBatch', options.maxBatch ?? 1_000),
    maxBodyBytes: wholeNumber('maxBodyBytes', options.maxBodyBytes ?? 4 * 1024 * 1024),
    requestTimeout: wholeNumber('requestTimeout', options.requestTimeout ?? 30_000),
    drainTimeout: milliseconds('drainTimeout', options.drainTimeout ?? 20_000),
    logger: safeLogger(logger),
    clock: options.clock ?? systemClock,
    random,
  };
}

/** The given name, that of the environment, or one like no other. @throws InvalidArgumentError */
function podName(given: string | undefined, random: () => number): string {
  // An empty variable is none.
  const name = given ?? (process.env['POD_NAME'] || undefined);
  if (name === undefined) {
    const number = Math.floor(random() * 2 ** 32).toString(36);
    return `${hostname()
      .replaceAll(/[^\w.-]/g, '-')
      .slice(0, 200)}-${number}`;
  }
  if (NAME.test(name)) return name;
  const text = JSON.stringify(name);
  throw new InvalidArgumentError(`the name of a pod has 1 to 253 letters, digits and - _ . only, unlike ${text}`);
}

function tokensOf(given: readonly string[] | TokenSource | undefined): TokenSource | undefined {
  if (given === undefined || 'knows' in given) return given;
  return new FixedTokens(given);
}
