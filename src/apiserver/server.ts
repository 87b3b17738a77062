import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setMaxListeners } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../clock/clock.js';
import { systemWallClock } from '../clock/wall.js';
import { InvalidArgumentError } from '../errors/index.js';
import { refuseUpgrade } from '../httpstream/index.js';
import { secureFraction } from '../random/secure-fraction.js';
import { ANONYMOUS, attributesOf, authorize, type UserInfo } from './authorization.js';
import { EndpointSliceController } from './endpoint-slices.js';
import { isLoopback, listen } from './listen.js';
import type { RequestContext, UpgradeSocket } from './context.js';
import { defaultNamespaces } from './namespaces.js';
import type { EndpointSlice, Service } from './objects.js';
import type { APIServerOptions } from './options.js';
import { checkHost, checkOrigin } from './origin.js';
import { RequestInfoError, RequestInfoResolver, splitTarget, type RequestInfo } from './request-info.js';
import { sendError } from './respond.js';
import { createRouter, type Router } from './routes.js';
import { badRequest, statusError, StatusError } from './status-error.js';
import { MemoryStore } from './store.js';

/** Fields that a request's header may have. */
const MAX_FIELDS = 100;
const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * A Kubernetes-style API server on `node:http`: discovery, pods (list, get, watch, delete, log, exec, attach,
 * port-forward), namespaces, Services and EndpointSlices.
 * Each request passes: recovery from faults, Host and Origin checks, RequestInfo, authentication, authorization, routes.
 * Every error is a Kubernetes Status.
 *
 * Sources: apiserver `server/config.go` (order of the chain), `endpoints`.
 */
export class APIServer implements AsyncDisposable {
  readonly #options: APIServerOptions;
  readonly #clock: Clock;
  readonly #server: Server;
  readonly #router: Router;
  readonly #resolver = new RequestInfoResolver();
  readonly #allowedHosts: ReadonlySet<string>;
  readonly #allowedOrigins: ReadonlySet<string>;
  readonly #sockets = new Set<Socket>();
  readonly #closing = new AbortController();
  readonly #endpoints: EndpointSliceController | undefined;
  /** How many requests of a connection are not answered yet. */
  readonly #unanswered = new WeakMap<Duplex, number>();
  readonly #upgraded = new WeakSet<Duplex>();
  #url = '';
  #closed: Promise<void> | undefined;

  /** @throws InvalidArgumentError for an address beyond loopback without `authorize` or the explicit permission. */
  constructor(options: APIServerOptions) {
    const host = options.host ?? '127.0.0.1';
    if (!isLoopback(host) && options.authorize === undefined && options.insecureAllowAnyAddress !== true) {
      throw new InvalidArgumentError(
        `refusing to listen on ${host} without authorization: whoever reaches the server could run commands in its pods`,
      );
    }
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#allowedHosts = new Set((options.allowedHosts ?? []).map((name) => name.toLowerCase()));
    this.#allowedOrigins = new Set(options.allowedOrigins);
    const wallClock = options.wallClock ?? systemWallClock;
    const services = options.services ?? new MemoryStore<Service>();
    const slices = new MemoryStore<EndpointSlice>();
    if (options.endpointSlices === undefined) {
      const { pods } = options.runtime;
      this.#endpoints = new EndpointSliceController({ pods, services, slices, wallClock });
    }
    this.#router = createRouter({
      runtime: options.runtime,
      namespaces: defaultNamespaces(wallClock.now()),
      services,
      endpointSlices: options.endpointSlices ?? slices,
      faults: options.faults,
      clock: this.#clock,
      wallClock,
      random: options.random ?? secureFraction,
      connect: options.connect ?? {},
      // Origins are checked before any route is looked for.
      portForward: {
        clock: this.#clock,
        allowedOrigins: 'any',
        ...options.portForward,
        signal: this.#closing.signal,
      },
      address: () => this.#url.replace('http://', ''),
    });
    this.#server = createServer({
      // Time to send a request; how long answers and streams take is another matter.
      headersTimeout: 10_000,
      requestTimeout: 30_000,
      connectionsCheckingInterval: 2_000,
      keepAliveTimeout: 60_000,
      maxHeaderSize: 32 * 1024,
      noDelay: true,
    });
    // Node drops what is beyond its limit, be it an Origin or a Content-Length; such requests are refused instead.
    this.#server.maxHeadersCount = 0;
    // Every open request listens to it.
    setMaxListeners(0, this.#closing.signal);
    this.#server.on('connection', (socket: Socket) => this.#track(socket));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseMalformed(error, socket));
    this.#server.on('request', (req, res) => void this.#serveRequest(req, res));
    this.#server.on('checkContinue', (req, res) => void this.#serveRequest(req, res));
    this.#server.on('upgrade', (req, socket, head) => void this.#serveUpgrade(req, { socket, head }));
  }

  /** Address of the server, such as `http://127.0.0.1:8001`; empty before `listen()`. */
  get url(): string {
    return this.#url;
  }

  /**
   * Starts to listen.
   *
   * @throws the error of the operating system, such as `EADDRINUSE`.
   */
  async listen(): Promise<this> {
    const { host = '127.0.0.1', port = 0 } = this.#options;
    this.#url = urlOf(await listen(this.#server, host, port));
    return this;
  }

  /** Accepts nothing more, ends watches and logs, and cuts what is still open after `closeTimeout`. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    this.#endpoints?.close();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    // Node takes those that never had a request for busy; some clients open them in advance.
    for (const socket of this.#sockets) {
      if ((this.#unanswered.get(socket) ?? 0) === 0 && !this.#upgraded.has(socket)) socket.destroy();
    }
    const timer = this.#clock.setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, this.#options.closeTimeout ?? 3_000);
    const sockets = [...this.#sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    await Promise.all([closed, ...sockets]);
    timer.cancel();
  }

  #track(socket: Socket): void {
    // In the tick that the socket is taken, or an early reset would end the process.
    socket.on('error', () => {});
    if (this.#options.faults?.refusing === true) {
      socket.resetAndDestroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  async #serveRequest(req: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    const { socket } = req;
    this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 0) + 1);
    response.once('close', () => {
      const unanswered = (this.#unanswered.get(socket) ?? 1) - 1;
      this.#unanswered.set(socket, unanswered);
      gone.abort();
      // A client may hold on to a connection whose answer began before the server was closed.
      if (unanswered === 0 && this.#closing.signal.aborted) socket.end();
    });
    const stop = (): void => gone.abort();
    if (this.#closing.signal.aborted) response.setHeader('Connection', 'close');
    this.#closing.signal.addEventListener('abort', stop);
    response.once('close', () => this.#closing.signal.removeEventListener('abort', stop));
    // Nothing else takes a body; what comes must not stay in the way of the next request.
    if (req.method !== 'DELETE') req.resume();
    try {
      await this.#serve(req, gone.signal, response, undefined);
    } catch (error) {
      sendError(response, this.#statusOf(error));
    }
  }

  async #serveUpgrade(req: IncomingMessage, upgrade: UpgradeSocket): Promise<void> {
    const { socket } = upgrade;
    this.#upgraded.add(socket);
    socket.on('error', () => {});
    if ((this.#unanswered.get(socket) ?? 0) > 0) {
      // Whatever was written now would stand in the middle of the answer to an earlier request.
      socket.destroy();
      return;
    }
    try {
      if (req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) !== 0) {
        throw badRequest('unable to upgrade: an upgrade request must not have a body');
      }
      await this.#serve(req, this.#closing.signal, undefined, upgrade);
    } catch (error) {
      const { status, headers } = this.#statusOf(error);
      refuseUpgrade(socket, status.code, status.message ?? '', { status, headers });
    }
  }

  async #serve(
    req: IncomingMessage,
    signal: AbortSignal,
    response: ServerResponse | undefined,
    upgrade: UpgradeSocket | undefined,
  ): Promise<void> {
    const method = req.method ?? 'GET';
    if (req.rawHeaders.length > 2 * MAX_FIELDS) throw statusError(431, 'the header of the request has too many fields');
    checkHost(req, this.#allowedHosts);
    if (upgrade !== undefined || !READING.has(method)) checkOrigin(req, this.#allowedOrigins);
    const info = this.#resolve(req);
    const user = await this.#authenticate(req);
    if (this.#options.authorize !== undefined) await authorize(this.#options.authorize, attributesOf(info, user));
    const { query } = splitTarget(req.url ?? '/');
    const context: RequestContext = { req, info, query, user, signal, response, upgrade };
    await this.#router(info, method)(context);
  }

  #resolve(req: IncomingMessage): RequestInfo {
    try {
      return this.#resolver.resolve(req);
    } catch (error) {
      if (error instanceof RequestInfoError) throw badRequest(error.message);
      throw error;
    }
  }

  async #authenticate(req: IncomingMessage): Promise<UserInfo> {
    const { authenticate } = this.#options;
    if (authenticate === undefined) return ANONYMOUS;
    const user = await authenticate(req);
    if (user === undefined) throw statusError(401, 'Unauthorized');
    return user;
  }

  #statusOf(error: unknown): StatusError {
    if (error instanceof StatusError) return error;
    try {
      this.#options.onError?.(error);
    } catch {
      // A failing observer must not take the server down.
    }
    return statusError(500, 'an error on the server has prevented the request from succeeding');
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

/** Answers what is not HTTP, or too large or too slow to be taken for it. */
function refuseMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  if (error.code === 'HPE_HEADER_OVERFLOW') refuseUpgrade(socket, 431, 'the header of the request is too large');
  else if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT') refuseUpgrade(socket, 408, 'the request did not arrive in time');
  else refuseUpgrade(socket, 400, 'the request is not valid HTTP');
}
