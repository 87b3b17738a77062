import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { StatusError, statusError } from '../apiserver/index.js';
import { listen } from '../apiserver/listen.js';
import { LimitExceededError } from '../errors/index.js';
import { refuseUpgrade } from '../httpstream/index.js';
import { EventLog, sseHandler, type SSEHandler } from '../push/index.js';
import { Actions, sendJSON } from './actions.js';
import { Assets } from './assets.js';
import { Balancer } from './balancer.js';
import { checkRequest, checkUpgrade, contentSecurityPolicy } from './guard.js';
import { resolveDashboardOptions, type DashboardOptions, type DashboardSettings } from './options.js';
import { Sources } from './sources.js';
import { Terminals } from './terminal.js';
import { Tunnel, TUNNEL_PATH } from './tunnel.js';
import { STATE_STREAM, Watcher, type StateLog } from './watcher.js';

/** What the page can look back on. */
const HISTORY = { events: 600, bytes: 16 * 1024 * 1024, age: 300_000 };

/**
 * A page that shows a cluster of pods at work: who is linked to whom, who has which clients, what flows and how fast; and
 * that lets pods be killed, events be published, and shells be opened in pods.
 *
 * `/state` is an event stream of this server's own log. `/events` is what a Service is to pods: any ready one serves it, and
 * `Trunkline-Pod` says which. There is no authorization: whoever reaches the port can do everything, so that it is
 * open to this machine only, unless told otherwise, and to no pages but its own.
 */
export class Dashboard implements AsyncDisposable {
  readonly #settings: DashboardSettings;
  readonly #server: Server;
  readonly #log: StateLog;
  readonly #state: SSEHandler;
  readonly #watcher: Watcher;
  readonly #sources: Sources;
  readonly #actions: Actions;
  readonly #tunnel: Tunnel;
  readonly #terminals: Terminals;
  readonly #assets: Assets;
  readonly #stop = new AbortController();
  readonly #sockets = new Set<Duplex>();
  /** How many requests of a connection are not answered yet. */
  readonly #unanswered = new WeakMap<Duplex, number>();
  #url = '';
  #closed: Promise<void> | undefined;

  /** @throws InvalidArgumentError for unusable options, and for an address beyond loopback without the explicit permission. */
  constructor(options: DashboardOptions) {
    const settings = resolveDashboardOptions(options);
    this.#settings = settings;
    const { clock, random } = settings;
    this.#log = new EventLog({ clock, random, history: HISTORY, limits: { maxEventBytes: 4 * 1024 * 1024 } });
    this.#state = sseHandler(this.#log, { stream: STATE_STREAM, start: 'start', retry: 1_000 });
    const balancer = new Balancer(settings);
    this.#watcher = new Watcher(settings, this.#log);
    this.#sources = new Sources(settings, balancer);
    this.#actions = new Actions(settings, balancer, this.#watcher);
    this.#tunnel = new Tunnel(settings, this.#sources);
    this.#terminals = new Terminals(settings, this.#stop.signal);
    this.#assets = new Assets(settings.assets);
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 32 * 1024 });
    this.#server.maxHeadersCount = 100;
    this.#server.on('connection', (socket) => this.#track(socket));
    this.#server.on('request', (req, res) => void this.#answer(req, res));
    this.#server.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head));
  }

  /** Address of the page; empty before `listen()`. */
  get url(): string {
    return this.#url;
  }

  /** Starts to listen, and to look at the pods; rejects with the system's error. */
  async listen(): Promise<void> {
    const { address, family, port } = await listen(this.#server, this.#settings.host, this.#settings.port);
    this.#url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
    this.#watcher.start();
  }

  /** Closes the server and its connections. Never rejects. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#watcher.close();
    this.#stop.abort();
    this.#log.close();
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all([closed, this.#tunnel.close()]);
  }

  #track(socket: Duplex): void {
    // In the tick that the socket is taken, or an early reset would end the process.
    socket.on('error', () => {});
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  async #answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    res.on('error', () => {});
    const { socket } = req;
    this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 0) + 1);
    res.once('close', () => this.#unanswered.set(socket, (this.#unanswered.get(socket) ?? 1) - 1));
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Referrer-Policy', 'no-referrer');
    res.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    res.setHeader('Cache-Control', 'no-store');
    try {
      await this.#serve(req, res);
    } catch (error) {
      if (res.destroyed) return;
      const { status, message } = described(error);
      if (status === 500) this.#settings.onError(error);
      if (res.headersSent) res.destroy();
      else sendJSON(res, status, { error: message });
    } finally {
      req.resume();
    }
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { path, search } = targetOf(req);
    checkRequest(req, this.#settings.allowedHosts, path === '/');
    if (Actions.accepts(path)) return await this.#actions.serve(req, res, path, new URLSearchParams(search));
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      throw statusError(405, 'the method must be GET or HEAD');
    }
    if (path === '/') return await this.#page(res);
    if (path === '/state') return this.#state(req, res);
    if (path.startsWith('/assets/')) return await this.#asset(res, path.slice('/assets/'.length));
    if (req.method === 'HEAD') throw statusError(405, 'the method must be GET');
    await this.#source(req, res, path, search);
  }

  async #page(res: ServerResponse): Promise<void> {
    const nonce = randomBytes(16).toString('base64');
    const page = await this.#assets.page(nonce).catch(missing);
    res.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': contentSecurityPolicy(nonce),
    });
    res.end(page);
  }

  async #asset(res: ServerResponse, name: string): Promise<void> {
    const asset = await this.#assets.file(name).catch(missing);
    if (asset === undefined) throw statusError(404, 'not found');
    res.writeHead(200, { 'Content-Type': asset.type, 'Content-Length': asset.bytes.length }).end(asset.bytes);
  }

  async #source(req: IncomingMessage, res: ServerResponse, path: string, search: string): Promise<void> {
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const id = req.headers['last-event-id'];
    const source = await this.#sources.open({
      path,
      search,
      lastEventId: typeof id === 'string' ? id : undefined,
      acceptEncoding: req.headersDistinct['accept-encoding']?.[0],
      signal: gone.signal,
    });
    if (source === undefined) throw statusError(404, 'not found');
    res.writeHead(source.status, source.headers).flushHeaders();
    // A pod that goes away has the connection cut, which is how its clients see it.
    await pipeline(source.body, res).catch(() => res.destroy());
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    if ((this.#unanswered.get(socket) ?? 0) > 0) {
      // Whatever was written now would stand in the middle of the answer to an earlier request.
      socket.destroy();
      return;
    }
    try {
      if (req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) !== 0) {
        throw statusError(400, 'an upgrade request must not have a body');
      }
      const { path } = targetOf(req);
      checkUpgrade(req, this.#settings.allowedHosts);
      if (path === TUNNEL_PATH) this.#tunnel.upgrade(req, socket, head);
      else if (Terminals.accepts(req.url ?? '')) this.#terminals.upgrade(req, socket, head);
      else throw statusError(404, 'not found');
    } catch (error) {
      const { status, message } = described(error);
      refuseUpgrade(socket, status, message, {});
    }
  }
}

function targetOf(req: IncomingMessage): { readonly path: string; readonly search: string } {
  const [, path = '/', search = ''] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)(\?[^#]*)?/i.exec(req.url ?? '/') ?? [];
  return { path, search };
}

function missing(): never {
  throw statusError(503, 'the page was not built: npm run build makes it');
}

function described(error: unknown): { readonly status: number; readonly message: string } {
  if (error instanceof StatusError) return { status: error.status.code ?? 500, message: error.message };
  if (error instanceof LimitExceededError) return { status: 413, message: error.message };
  return { status: 500, message: 'the dashboard failed' };
}
