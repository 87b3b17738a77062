import { isIP } from 'node:net';
import { within } from '../clock/deadline.js';
import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames } from '../limits/option-names.js';
import { milliseconds } from '../limits/option-values.js';
import { Mesh } from '../mesh/mesh.js';
import type { MeshOptions } from '../mesh/options.js';
import type { PodState } from '../mesh/protocol/messages.js';
import { corsPolicy } from '../push/http/cors.js';
import { EventLog } from '../push/log/event-log.js';
import { Access } from './access.js';
import { Followers } from './followers.js';
import { GrpcFollowers } from './grpc-followers.js';
import { handOver } from './hand-over.js';
import { JoinProgress } from './join-progress.js';
import { PublicServer } from './listening.js';
import { PodMetrics } from './metrics.js';
import { resolvePodOptions, type PodServerOptions, type PodSettings } from './options.js';
import { Routes } from './routes.js';
import type { PodStatus } from './status.js';
import { packageVersion } from './version.js';

/** Milliseconds between ends of clients while a pod drains, if there is time: so many come to the other pods. */
const PER_CLIENT = 5;
/** Milliseconds after which event streams that were ended connect again, at least; at most twice as much. */
const DRAIN_RETRY = 500;
/** Milliseconds that are kept for the last answers and the goodbye. */
const MARGIN = 1_500;
/** Beside those of clients. */
const SPARE_CONNECTIONS = 1_000;

/** How a pod goes away. */
export interface PodCloseOptions {
  /** Milliseconds for all of it; 0 closes at once. Default: the option `drainTimeout`. */
  readonly timeout?: number;
}

/**
 * A ready-made pod: one event log, joined with those of the other pods by a mesh, which clients follow over HTTP and publish
 * to. What `trunkline serve` runs.
 *
 * - `start` opens the public port, so that probes are answered, then the internal one, and settles when the pod has what the
 *   others have. Until then clients are sent away.
 * - `close` drains: not ready, no new clients and events, everything handed over to the other pods, clients ended over a
 *   time so that they connect to these, goodbye.
 */
export class PodServer {
  readonly log: EventLog;
  readonly mesh: Mesh;
  readonly #settings: PodSettings;
  readonly #followers: Followers;
  readonly #grpc: GrpcFollowers | undefined;
  readonly #metrics: PodMetrics;
  readonly #server: PublicServer;
  readonly #begun: number;
  #started: Promise<void> | undefined;
  #leaving = false;
  #closed: Promise<void> | undefined;
  readonly #stop = new AbortController();

  /** @throws InvalidArgumentError for unknown options or values out of range. */
  constructor(options: PodServerOptions) {
    const settings = resolvePodOptions(options);
    const { clock, logger, random, allowedHosts, cors = false, limits, history, maxClients } = settings;
    this.#settings = settings;
    this.#begun = clock.now();
    this.log = new EventLog({
      ...(history === undefined ? {} : { history }),
      ...(limits === undefined ? {} : { limits }),
      clock,
      random,
      // Pods that this one has not met may have published.
      expectsOrigin: () => true,
    });
    this.mesh = new Mesh(this.log, meshOptions(settings));
    this.#metrics = new PodMetrics(this.mesh, settings.processMetrics ?? false);
    const access = new Access({
      authorize: settings.authorize,
      tokens: settings.tokens,
      wildcards: settings.wildcards ?? false,
    });
    const state = (): PodState => this.state;
    this.#followers = new Followers(this.log, {
      access,
      state,
      cors,
      allowedOrigins: settings.allowedOrigins ?? [],
      allowedHosts,
      maxClients,
      retry: settings.retry,
      compatible: this.mesh.compatible !== undefined,
      logger,
      random,
    });
    const { grpcPort: port, host } = settings;
    if (port !== undefined) {
      this.#grpc = new GrpcFollowers(this.log, { access, state, host, port, maxClients, clock, logger });
    }
    // Without tokens and a hook a page's requests are as good as those of its visitor.
    const guarded = settings.tokens !== undefined || settings.authorize !== undefined;
    const routes = new Routes({
      bus: this.mesh,
      state,
      status: () => this.status(),
      metrics: this.#metrics,
      requests: settings.requests,
      followers: this.#followers,
      access,
      cors: guarded ? corsPolicy(cors) : undefined,
      allowedHosts: allowedHosts === undefined ? undefined : new Set(allowedHosts.map((name) => name.toLowerCase())),
      limits: {
        maxBodyBytes: settings.maxBodyBytes,
        maxBatch: settings.maxBatch,
        timeout: settings.publishTimeout,
      },
      logger,
    });
    this.#server = new PublicServer(
      {
        request: (req, res) => void routes.request(req, res),
        upgrade: (req, socket, head) => routes.upgrade(req, socket, head),
      },
      {
        host: settings.host,
        port: settings.port,
        requestTimeout: settings.requestTimeout,
        maxConnections: maxClients + SPARE_CONNECTIONS,
        clock,
        logger,
      },
    );
  }

  /** `joining` until this pod has what the others have, `ready`, or `draining`. */
  get state(): PodState {
    return this.#leaving ? 'draining' : this.mesh.state;
  }

  get name(): string {
    return this.mesh.name;
  }

  /** Of the public port, once it is open. Where it listens on all addresses, that of this machine for itself. */
  get url(): string {
    const { host } = this.#settings;
    const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    return `http://${isIP(reached) === 6 ? `[${reached}]` : reached}:${this.#server.port}`;
  }

  /** The public port, once it is open. */
  get port(): number {
    return this.#server.port;
  }

  /** The port of gRPC, once it is open; `undefined` without. */
  get grpcPort(): number | undefined {
    return this.#grpc?.port;
  }

  /** How the pod does. */
  status(): PodStatus {
    const { log, mesh } = this;
    return {
      name: mesh.name,
      origin: log.origin,
      state: this.state,
      version: packageVersion(),
      uptime: Math.round(this.#settings.clock.now() - this.#begun),
      clients: log.subscribers().length,
      internalPort: mesh.port,
      links: mesh.links,
      mesh: mesh.stats(),
      log: log.stats(),
      streams: [...log.counts()].map(([name, clients]) => ({ name, clients })),
    };
  }

  /**
   * Opens the ports and settles once the pod is ready. When that fails, or the signal aborts, everything is closed again.
   *
   * @throws What listening, or the first question for peers, throws; InvalidArgumentError when it was closed; the signal's
   * reason.
   */
  async start(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    if (this.#leaving) throw new InvalidArgumentError('the pod was closed');
    options.signal?.throwIfAborted();
    this.#started ??= this.#start(options.signal);
    await this.#started;
  }

  /**
   * Drains the pod and closes it: it is not ready any more, sends new clients and publishers away, hands over what only it
   * has, ends its clients over a time, and says goodbye. Safe to call again; with a timeout of 0 it ends at once what goes
   * on.
   *
   * @throws InvalidArgumentError
   */
  async close(options: PodCloseOptions = {}): Promise<void> {
    checkOptionNames('close', options, { timeout: true });
    const timeout = milliseconds('timeout', options.timeout ?? this.#settings.drainTimeout);
    if (timeout === 0) this.#stop.abort();
    this.#closed ??= this.#close(timeout);
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(signal: AbortSignal | undefined): Promise<void> {
    const { clock, logger } = this.#settings;
    const progress = new JoinProgress(this.mesh, clock, logger);
    try {
      await this.#metrics.load();
      await this.#server.listen();
      logger.info({ url: this.url, state: this.state }, 'listening; the pod is about to join the others');
      progress.begin();
      await this.mesh.start(signal === undefined ? {} : { signal });
      await this.#grpc?.listen();
    } catch (error) {
      await this.close({ timeout: 0 });
      throw error;
    } finally {
      progress.end();
    }
  }

  async #close(timeout: number): Promise<void> {
    const { clock, logger, random } = this.#settings;
    const { signal } = this.#stop;
    const deadline = clock.now() + timeout;
    const left = (): number => (signal.aborted ? 0 : Math.max(0, deadline - clock.now()));
    const joined = this.mesh.state === 'ready';
    const clients = this.#followers.clients + (this.#grpc?.clients ?? 0);
    this.#leaving = true;
    if (joined && left() > 0) {
      logger.info({ timeout, clients }, 'draining');
      await handOver(this.mesh, { timeout: left() / 2, signal, clock, logger });
    }
    const over = Math.min(Math.max(0, left() - MARGIN), clients * PER_CLIENT);
    const drain = { over, signal, random };
    await Promise.all([this.#followers.drain(drain, DRAIN_RETRY), this.#grpc?.drain(drain)]);
    const ended = this.#server.close(clock.now() + left());
    if (signal.aborted) this.#server.destroy();
    else signal.addEventListener('abort', () => this.#server.destroy());
    // Answers that are under way need the log and the mesh.
    await Promise.all([within(ended, left(), clock), this.#grpc?.close(left())]);
    this.log.close();
    await this.mesh.close();
    await ended;
    if (joined) logger.info({ left: Math.round(left()) }, 'closed');
  }
}

function meshOptions(settings: PodSettings): MeshOptions {
  const { finder, name, secret, tls, compatible, times, logger, random } = settings;
  return {
    finder,
    name,
    host: settings.internalHost ?? settings.host,
    port: settings.internalPort ?? 7000,
    logger,
    random,
    ...(secret === undefined ? {} : { secret }),
    ...(tls === undefined ? {} : { tls }),
    ...(compatible === undefined ? {} : { compatible }),
    ...(times === undefined ? {} : { times }),
  };
}
