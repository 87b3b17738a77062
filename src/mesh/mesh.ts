import { hostname } from 'node:os';
import { within } from '../clock/deadline.js';
import { isLoopback } from '../carrier/request-host.js';
import { deferred } from '../clock/deferred.js';
import { InvalidArgumentError, TimeoutError } from '../errors/index.js';
import { milliseconds, oneOf } from '../limits/option-values.js';
import { silentLogger, type Logger } from '../logger/logger.js';
import type { EventLog, TypeOf, UntypedLog } from '../push/log/event-log.js';
import type { StreamName } from '../push/log/subscription.js';
import type { DeclaredStreams, LogEvent, StreamTypes } from '../push/log/types.js';
import { secureFraction } from '../random/secure-fraction.js';
import type { BusPublishOptions, BusWaitOptions, Presence, Published } from './bus.js';
import { LinkAcceptor } from './carrier/accept.js';
import { linkDialer } from './carrier/dial.js';
import { LinkSecret } from './carrier/secret.js';
import type { Peer } from './discovery/types.js';
import { PodNotReadyError } from './errors.js';
import { InternalServer } from './internal-server.js';
import type { Link } from './link/link.js';
import type { Ack } from './node/acknowledgements.js';
import type { Address } from './node/dialer.js';
import type { DrainResult } from './node/drain.js';
import { MeshNode } from './node/mesh-node.js';
import { checkMeshOptions, resolveTimes, type MeshOptions } from './options.js';
import type { PodState } from './protocol/messages.js';
import { Compatibility, type CompatibleStats } from './sser/compatibility.js';
import { linkInfo, LinkTotals, type LinkInfo, type MeshStats } from './stats.js';

const ACKS: readonly Ack[] = ['local', 'one', 'all'];

/**
 * Joins the event logs of several pods: what is published on one is on all, in order by origin, and a client may go from any
 * pod to any other with its cursor. Pods hold one link to each other and copies of the whole history; there is no broker.
 *
 * Each event reaches a subscriber at most once, in order per origin. An event that another pod has acknowledged reaches every
 * subscriber that is connected, or resumes within the history, or that subscriber gets an explicit gap; nothing is lost in
 * silence while one pod that holds it lives.
 *
 * All pods must keep histories of the same bounds. Two pods to about fifty, some thousands of events a second.
 */
export class Mesh<Types extends DeclaredStreams<Types> = StreamTypes> implements AsyncDisposable {
  readonly log: EventLog<Types>;
  readonly name: string;
  readonly #options: MeshOptions;
  readonly #publish: UntypedLog['publish'];
  readonly #logger: Logger;
  readonly #node: MeshNode;
  readonly #server: InternalServer;
  readonly #acceptor: LinkAcceptor;
  /** `undefined` when it is off. */
  readonly #compatibility: Compatibility | undefined;
  readonly #ended = new AbortController();
  readonly #ready = deferred<void>();
  readonly #totals = new LinkTotals();
  /** What dialling an address came to last, for as long as it is that of a peer. */
  readonly #dialErrors = new Map<string, string>();
  #dialFailures = 0;
  #refused = 0;
  #lost = 0;
  #unacknowledged = 0;
  #started: Promise<void> | undefined;
  #drained: Promise<DrainResult> | undefined;
  #closed: Promise<void> | undefined;

  /**
   * @param log Of this pod. Nothing may be published to it before the mesh is ready.
   * @throws InvalidArgumentError for unknown options or values out of range, and for a log whose events may be larger than
   * 512 KiB.
   */
  constructor(log: EventLog<Types>, options: MeshOptions) {
    checkMeshOptions(log, options);
    this.log = log;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    const random = options.random ?? secureFraction;
    // An empty variable is none.
    this.name =
      (options.name ?? process.env['POD_NAME']) || `${hostname()}-${Math.floor(random() * 2 ** 32).toString(36)}`;
    const times = resolveTimes(options.times);
    const secret = options.secret === undefined ? undefined : new LinkSecret(options.secret);
    const { clock } = log;
    const { compatible = options.secret === undefined && options.tls === undefined } = options;
    const { publish, deliver } = log.untyped();
    this.#publish = publish;
    const posted = {
      origin: log.origin,
      clock,
      settings: log.settings,
      deliver,
      haveOf: (origin: string) => log.haveOf(origin),
      eventsOf: (origin: string, after?: number) => log.eventsOf(origin, after),
      tap: (listener: (event: LogEvent) => void) => log.tap(listener),
    };
    this.#compatibility = compatible ? new Compatibility(posted, { logger: options.logger }) : undefined;
    const dial = linkDialer({ clock, secret, tls: options.tls?.client, timeout: times.helloTimeout });
    this.#node = new MeshNode({
      log,
      name: this.name,
      times,
      random,
      dial: this.#compatibility?.dial(dial) ?? dial,
      schedule: (flush) => void setImmediate(flush),
      followers: () => ({ clients: log.subscribers().length, streams: log.counts() }),
      events: {
        linked: (link) => {
          this.#totals.linked += 1;
          this.#logger.info(describe(link), 'linked');
        },
        unlinked: (link, error) => {
          this.#totals.unlinked += 1;
          this.#totals.add(link);
          this.#logger.info({ ...describe(link), error: error?.message }, 'link ended');
        },
        refused: (link, error) => {
          this.#refused += 1;
          this.#logger.warn({ ...describe(link), error: error.message }, 'a link was refused');
        },
        dialFailed: (address, error) => {
          this.#dialFailures += 1;
          this.#tellDialFailure(address, error);
        },
        state: (state) => {
          this.#logger.info({ state }, 'state');
          if (state === 'ready') this.#ready.resolve();
        },
        sharedName: (peer) => this.#logger.warn({ peer }, 'several pods have one name: give each its own'),
        lost: (origin, after, through) => {
          this.#lost += through - after;
          this.#logger.warn({ origin, after, through }, 'events are lost');
        },
      },
    });
    this.#acceptor = new LinkAcceptor({
      clock,
      secret,
      laneTimeout: times.helloTimeout,
      opened: (transport) => this.#node.accept(transport),
      refused: (address, reason) => {
        this.#refused += 1;
        this.#logger.warn({ address, reason }, 'a link was refused');
      },
    });
    const requests = options.requests ?? ((_req, res) => void res.writeHead(404).end());
    this.#server = new InternalServer(this.#acceptor, {
      host: options.host,
      port: options.port ?? 7000,
      tls:
        options.tls === undefined ? undefined : { requestCert: true, rejectUnauthorized: true, ...options.tls.server },
      requests: this.#compatibility?.requests(requests) ?? requests,
    });
  }

  get state(): PodState {
    return this.#node.state;
  }

  /** The internal port, once it is open. */
  get port(): number {
    return this.#server.port;
  }

  /** The links to other pods. */
  get links(): LinkInfo[] {
    const { log } = this;
    const newest = log.haveOf(log.origin);
    const now = log.clock.now();
    return [...this.#node.links.values()].map((link) => linkInfo(link, newest, now));
  }

  /** What is exchanged with pods of the Go package; `undefined` unless `compatible` is on. */
  get compatible(): CompatibleStats | undefined {
    return this.#compatibility?.stats;
  }

  /** Numbers of this pod's part in the mesh. */
  stats(): MeshStats {
    const totals = this.#totals.copy();
    for (const link of this.#node.links.values()) totals.add(link);
    const { linked, unlinked, sent, received, bytesSent, bytesReceived, slow } = totals;
    const { heldBack, repairs, publishers } = this.#node.waiting;
    return {
      links: this.#node.links.size,
      linked,
      unlinked,
      dialFailures: this.#dialFailures,
      refused: this.#refused,
      sent,
      received,
      bytesSent,
      bytesReceived,
      slow,
      heldBack,
      lacking: repairs,
      repairs: this.#node.questions.events,
      lost: this.#lost,
      publishing: publishers,
      unacknowledged: this.#unacknowledged,
    };
  }

  /**
   * Opens the internal port, begins to look for peers, and settles once this pod has what the others have. A pod that finds
   * no other starts alone.
   *
   * @param options With a signal that ends the waiting: the pod is closed then.
   * @throws What listening, or the first question for peers, throws; the pod is closed then. PodNotReadyError when it was
   * closed meanwhile; the signal's reason.
   */
  async start(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    signal?.throwIfAborted();
    this.#started ??= this.#start();
    if (signal === undefined) return await this.#started;
    const abort = (): void => void this.close();
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.#started;
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /**
   * Publishes to the whole mesh, and settles when as many pods have the event as `ack` says.
   *
   * @throws what `EventLog.publish` throws, before anything was published; PodNotReadyError; TimeoutError when the
   * acknowledgement did not come in time, though the event was published, and others may have it.
   */
  publish<S extends StreamName<Types>, Type extends TypeOf<Types, S> = 'message' & TypeOf<Types, S>>(
    stream: S,
    data: Types[S][Type],
    ...[given]: 'message' extends Type
      ? [options?: BusPublishOptions<Type>]
      : [options: BusPublishOptions<Type> & { readonly type: Type }]
  ): Promise<Published<Types[S][Type], Type>> {
    const options: BusPublishOptions = given ?? {};
    // One promise and no more: this is called for each event.
    return new Promise((resolve, reject) => {
      const { ack = 'one', timeout = 10_000, ...rest } = options;
      oneOf('ack', ack, ACKS);
      milliseconds('timeout', timeout);
      if (this.#closed !== undefined) throw new PodNotReadyError('closed');
      if (this.#node.state !== 'ready') throw new PodNotReadyError(this.#node.state);
      const event = this.#publish(stream, data, rest) as LogEvent<Types[S][Type], Type>;
      const settled = (result: number | Error): void => {
        if (typeof result === 'number') return resolve({ event, acks: 1 + result });
        if (result instanceof TimeoutError) this.#unacknowledged += 1;
        reject(result);
      };
      // What had been published before, under the same key, may be another pod's.
      this.#node.acknowledged(event.n, ack, timeout, settled, event.origin);
    });
  }

  /** @throws InvalidArgumentError; the signal's reason. */
  async presence({ timeout = 2_000, signal }: BusWaitOptions = {}): Promise<Presence> {
    milliseconds('timeout', timeout);
    signal?.throwIfAborted();
    let giveUp: (() => void) | undefined;
    const onAbort = (): void => giveUp?.();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const presence = await new Promise<Presence>((resolve) => {
        giveUp = this.#node.presence(timeout, resolve);
      });
      signal?.throwIfAborted();
      return presence;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /**
   * Takes no more events, and settles when other pods that stay have all that this one holds: `handed-over`; when there is
   * no other, `alone`; or with `timeout`. The links stay open: end the clients, then `close`.
   *
   * The time-out of a later call is passed over.
   *
   * @throws InvalidArgumentError; PodNotReadyError when it is closed; the signal's reason, with the pod still draining.
   */
  async drain({ timeout = 20_000, signal }: BusWaitOptions = {}): Promise<DrainResult> {
    milliseconds('timeout', timeout);
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw new PodNotReadyError('closed');
    const drained = (this.#drained ??= this.#drain(timeout));
    if (signal === undefined) return await drained;
    const aborted = deferred<never>();
    const onAbort = (): void => aborted.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([drained, aborted.promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends the links and the internal port, at once. The log stays open. Safe to call again. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#ready.reject(new PodNotReadyError('closed'));
    this.#ended.abort();
    this.#node.close();
    this.#compatibility?.close();
    await this.#acceptor.close();
    await this.#server.close();
  }

  async #drain(timeout: number): Promise<DrainResult> {
    const { clock } = this.log;
    const until = clock.now() + timeout;
    const result = await new Promise<DrainResult>((resolve) => {
      this.#node.drain(timeout, resolve);
      this.#ended.signal.addEventListener('abort', () => resolve('timeout'), { once: true });
    });
    const posted = this.#compatibility?.idle();
    if (posted !== undefined) await within(posted, Math.max(0, until - clock.now()), clock);
    return result;
  }

  async #start(): Promise<void> {
    try {
      if (this.#closed !== undefined) throw new PodNotReadyError('closed');
      this.#warnIfOpen();
      await this.#server.listen();
      const sets = this.#options.finder.peers({ signal: this.#ended.signal })[Symbol.asyncIterator]();
      // A finder that passes its signal over must not hold up the end of the pod.
      const first = await Promise.race([sets.next(), this.#ready.promise]);
      if (first === undefined || first.done === true) {
        if (this.#closed !== undefined) throw new PodNotReadyError('closed');
        throw new InvalidArgumentError('the finder gave no set of peers at all');
      }
      this.#setPeers(first.value);
      void this.#follow(sets);
      await this.#ready.promise;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** A variable that is not set must not open a mesh in silence. */
  #warnIfOpen(): void {
    const { secret, tls, host, port = 7000 } = this.#options;
    if (secret !== undefined || tls !== undefined || host === 'localhost' || isLoopback(host)) return;
    this.#logger.warn({ host, port }, 'no secret and no TLS: whoever reaches the internal port is trusted');
  }

  async #follow(sets: AsyncIterator<readonly Peer[]>): Promise<void> {
    try {
      for (let next = await sets.next(); next.done !== true; next = await sets.next()) this.#setPeers(next.value);
    } catch (error) {
      this.#logger.error({ error: String(error) }, 'peers are not looked for any more');
    }
  }

  /** The first of a row of the same failures is for people: it may be a wrong address, or another secret. */
  #tellDialFailure(address: Address, { message }: Error): void {
    const key = `${address.host} ${address.port}`;
    const level = this.#dialErrors.get(key) === message ? 'debug' : 'info';
    this.#dialErrors.set(key, message);
    this.#logger[level]({ ...address, error: message }, 'dialling failed');
  }

  #setPeers(peers: readonly Peer[]): void {
    const { port } = this.#server;
    const addresses = peers
      .filter(({ self }) => !self)
      .map((peer) => ({ host: peer.host, port: peer.port ?? port, name: peer.name }));
    const keys = new Set(addresses.map(({ host, port: at }) => `${host} ${at}`));
    for (const key of this.#dialErrors.keys()) if (!keys.has(key)) this.#dialErrors.delete(key);
    this.#compatibility?.setPeers(addresses);
    this.#node.setPeers(addresses);
  }
}

function describe(link: Link): Record<string, unknown> {
  return { peer: link.peer?.name, origin: link.peer?.origin, address: link.transport.address };
}
