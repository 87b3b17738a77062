import type { RequestListener } from 'node:http';
import { hostname } from 'node:os';
import type { ConnectionOptions, TlsOptions } from 'node:tls';
import { deferred } from '../clock/deferred.js';
import { InvalidArgumentError } from '../errors/index.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import { silentLogger, type Logger } from '../logger/logger.js';
import type { EventLog, PublishOptions } from '../push/log/event-log.js';
import type { LogEvent } from '../push/log/types.js';
import { secureFraction } from '../random/secure-fraction.js';
import { LinkAcceptor } from './carrier/accept.js';
import { linkDialer } from './carrier/dial.js';
import { LinkSecret } from './carrier/secret.js';
import type { Peer, PeerFinder } from './discovery/types.js';
import { InternalServer } from './internal-server.js';
import type { Link } from './link/link.js';
import type { Ack } from './node/acknowledgements.js';
import type { DrainResult } from './node/drain.js';
import { MeshNode } from './node/mesh-node.js';
import type { PodState } from './protocol/messages.js';
import { DEFAULT_MESH_TIMES, type MeshTimes } from './times.js';

/** How a {@link Mesh} works. */
export interface MeshOptions {
  /** Finds the other pods. */
  readonly finder: PeerFinder;
  /** Name of this pod, which no other has at the same time. Default: `POD_NAME`, or the host's name and a random number. */
  readonly name?: string;
  /** Address of the internal port. Default: all. */
  readonly host?: string;
  /** The internal port, on which pods reach one another; 0 takes a free one. Default 7000. */
  readonly port?: number;
  /** What all pods know and nobody else, 16 bytes at least. Default: none; whoever reaches the port is trusted. */
  readonly secret?: string | Uint8Array;
  /** Mutual TLS between pods: `server` for the port, `client` for dialling. */
  readonly tls?: { readonly server: TlsOptions; readonly client: ConnectionOptions };
  /** Requests on the internal port that are no links. Default: 404. */
  readonly requests?: RequestListener;
  readonly times?: Partial<MeshTimes>;
  readonly logger?: Logger;
  /** Source of numbers in [0, 1). */
  readonly random?: () => number;
}

/** How an event is published to a mesh. */
export interface MeshPublishOptions extends PublishOptions {
  /**
   * Who has to have it before `publish` settles: `one` other pod besides this one, so that it survives this one; `all` that
   * are linked; or only this, `local`. Alone, each is met at once. Default `one`.
   */
  readonly ack?: Ack;
  /** Milliseconds until `publish` gives up waiting; the event stays published. Default 10,000. */
  readonly timeout?: number;
}

/** A link as lists show it. */
export interface LinkInfo {
  /** Run and name of the other pod. */
  readonly origin: string;
  readonly name: string;
  readonly address: string;
  readonly state: PodState;
  /** Milliseconds of the last ping. */
  readonly roundTrip: number | undefined;
  /** Own events that were sent, and those that the other pod has acknowledged. */
  readonly sent: number;
  readonly acknowledged: number;
}

const NAMES: OptionNames<MeshOptions> = {
  finder: true,
  name: true,
  host: true,
  port: true,
  secret: true,
  tls: true,
  requests: true,
  times: true,
  logger: true,
  random: true,
};

/**
 * Joins the event logs of several pods: what is published on one is on all, in order by origin, and a client may go from any
 * pod to any other with its cursor.
 */
export class Mesh {
  readonly log: EventLog;
  readonly name: string;
  readonly #options: MeshOptions;
  readonly #logger: Logger;
  readonly #node: MeshNode;
  readonly #server: InternalServer;
  readonly #acceptor: LinkAcceptor;
  readonly #ended = new AbortController();
  readonly #ready = deferred<void>();
  #started: Promise<void> | undefined;

  /** @throws InvalidArgumentError */
  constructor(log: EventLog, options: MeshOptions) {
    checkOptionNames('Mesh', options, NAMES);
    this.log = log;
    this.#options = options;
    this.#logger = options.logger ?? silentLogger;
    const random = options.random ?? secureFraction;
    this.name =
      options.name ?? process.env['POD_NAME'] ?? `${hostname()}-${Math.floor(random() * 2 ** 32).toString(36)}`;
    const times = { ...DEFAULT_MESH_TIMES, ...checkTimes(options.times ?? {}) };
    const secret = options.secret === undefined ? undefined : new LinkSecret(options.secret);
    const { clock } = log;
    this.#node = new MeshNode({
      log,
      name: this.name,
      times,
      random,
      dial: linkDialer({ clock, secret, tls: options.tls?.client, timeout: times.helloTimeout }),
      schedule: (flush) => void setImmediate(flush),
      events: {
        linked: (link) => this.#logger.info(describe(link), 'linked'),
        unlinked: (link, error) => this.#logger.info({ ...describe(link), error: error?.message }, 'link ended'),
        dialFailed: (address, error) => this.#logger.debug({ ...address, error: error.message }, 'dialling failed'),
        state: (state) => {
          this.#logger.info({ state }, 'state');
          if (state === 'ready') this.#ready.resolve();
        },
        lost: (origin, after, through) => this.#logger.warn({ origin, after, through }, 'events are lost'),
      },
    });
    this.#acceptor = new LinkAcceptor({
      clock,
      secret,
      laneTimeout: times.helloTimeout,
      opened: (transport) => this.#node.accept(transport),
      refused: (address, reason) => this.#logger.warn({ address, reason }, 'a link was refused'),
    });
    this.#server = new InternalServer(this.#acceptor, {
      host: options.host,
      port: options.port ?? 7000,
      tls:
        options.tls === undefined ? undefined : { requestCert: true, rejectUnauthorized: true, ...options.tls.server },
      requests: options.requests ?? ((_req, res) => void res.writeHead(404).end()),
    });
  }

  /** `joining` until the history of the others was copied, `ready`, or `draining`. */
  get state(): PodState {
    return this.#node.state;
  }

  /** The internal port, once it is open. */
  get port(): number {
    return this.#server.port;
  }

  /** The links to other pods. */
  get links(): LinkInfo[] {
    return [...this.#node.links.values()].map((link) => ({
      origin: link.origin,
      name: link.peer?.name ?? '',
      address: link.transport.address,
      state: link.peerState,
      roundTrip: link.roundTrip,
      sent: link.sender.sent,
      acknowledged: link.sender.ackedThrough,
    }));
  }

  /**
   * Opens the internal port, begins to look for peers, and settles once this pod has what the others have.
   *
   * @throws What listening, or the first question for peers, throws.
   */
  async start(): Promise<void> {
    this.#started ??= this.#start();
    await this.#started;
  }

  /** Publishes to the whole mesh. @throws what `EventLog.publish` throws; InvalidArgumentError unless the pod is ready; TimeoutError. */
  async publish(
    stream: string,
    data: unknown,
    options: MeshPublishOptions = {},
  ): Promise<{ readonly event: LogEvent; readonly acks: number }> {
    if (this.#node.state !== 'ready') throw new InvalidArgumentError(`the pod is ${this.#node.state}`);
    const { ack = 'one', timeout = 10_000, ...rest } = options;
    const event = this.log.publish(stream, data, rest);
    // An event that had been published before may be another pod's.
    if (event.origin !== this.log.origin) return { event, acks: 1 };
    const acks = await new Promise<number>((resolve, reject) => {
      this.#node.acknowledged(event.n, ack, timeout, (result) => {
        if (typeof result === 'number') resolve(result);
        else reject(result);
      });
    });
    return { event, acks };
  }

  /** Takes no more events, and settles when the other pods have all that this one holds, or time is up. */
  async drain(timeout = 20_000): Promise<DrainResult> {
    return await new Promise<DrainResult>((resolve) => {
      this.#node.drain(timeout, resolve);
    });
  }

  /** Ends the links and the internal port. The log stays open. */
  async close(): Promise<void> {
    this.#ended.abort();
    this.#node.close();
    await this.#acceptor.close();
    await this.#server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(): Promise<void> {
    await this.#server.listen();
    const sets = this.#options.finder.peers({ signal: this.#ended.signal })[Symbol.asyncIterator]();
    const first = await sets.next();
    if (first.done === true) return;
    this.#setPeers(first.value);
    void this.#follow(sets);
    await this.#ready.promise;
  }

  async #follow(sets: AsyncIterator<readonly Peer[]>): Promise<void> {
    try {
      for (let next = await sets.next(); next.done !== true; next = await sets.next()) this.#setPeers(next.value);
    } catch (error) {
      this.#logger.error({ error: String(error) }, 'peers are not looked for any more');
    }
  }

  #setPeers(peers: readonly Peer[]): void {
    const { port } = this.#server;
    this.#node.setPeers(
      peers.filter(({ self }) => !self).map((peer) => ({ host: peer.host, port: peer.port ?? port, name: peer.name })),
    );
  }
}

function describe(link: Link): Record<string, unknown> {
  return { peer: link.peer?.name, origin: link.peer?.origin, address: link.transport.address };
}

function checkTimes(times: Partial<MeshTimes>): Partial<MeshTimes> {
  checkOptionNames('times', times, Object.fromEntries(Object.keys(DEFAULT_MESH_TIMES).map((name) => [name, true])));
  for (const [name, value] of Object.entries(times)) {
    if (typeof value !== 'number' || !(value > 0)) {
      throw new InvalidArgumentError(`times.${name} must be milliseconds above 0, not ${String(value)}`);
    }
  }
  return times;
}
