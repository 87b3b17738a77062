import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { StatusError, type Pod, type ResourceReader } from '../apiserver/index.js';
import { isLoopback, listen } from '../apiserver/listen.js';
import { checkHost } from '../apiserver/origin.js';
import { podStatus } from '../apiserver/pod-table.js';
import { InvalidArgumentError } from '../errors/index.js';
import { dashboardPage, type DashboardPod } from './dashboard-page.js';

/** What the dashboard shows, and where. */
export interface DashboardOptions {
  readonly host?: string;
  readonly port: number;
  readonly insecureAllowAnyAddress?: boolean;
  readonly allowedHosts?: readonly string[];
  readonly cluster: { readonly apiServer: string };
  readonly pods: ResourceReader<Pod>;
}

/** A page that lists the pods, with links to their events and commands to try. */
export class Dashboard {
  readonly #options: DashboardOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #url = '';

  /** @throws InvalidArgumentError for an address beyond loopback without the explicit permission. */
  constructor(options: DashboardOptions) {
    if (!isLoopback(options.host ?? '127.0.0.1') && options.insecureAllowAnyAddress !== true) {
      throw new InvalidArgumentError(`refusing to listen on ${options.host} without authorization`);
    }
    this.#options = options;
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, maxHeaderSize: 32 * 1024 });
    this.#server.maxHeadersCount = 100;
    this.#server.on('connection', (socket: Socket) => {
      socket.on('error', () => {});
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#server.on('request', (req, res) => this.#serve(req, res));
  }

  /** Address of the page; empty before `listen()`. */
  get url(): string {
    return this.#url;
  }

  /** Starts to listen; rejects with the system's error. */
  async listen(): Promise<void> {
    const { host = '127.0.0.1', port } = this.#options;
    const { address, family, port: actual } = await listen(this.#server, host, port);
    this.#url = `http://${family === 'IPv6' ? `[${address}]` : address}:${actual}`;
  }

  /** Closes the server and its connections. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    req.resume();
    res.setHeader('X-Content-Type-Options', 'nosniff');
    res.setHeader('Cache-Control', 'no-store');
    try {
      checkHost(req, new Set((this.#options.allowedHosts ?? []).map((name) => name.toLowerCase())));
    } catch (error) {
      sendText(res, 403, error instanceof StatusError ? error.message : 'forbidden');
      return;
    }
    const path = (req.url ?? '/').replace(/\?.*$/, '');
    if (path !== '/' && path !== '/pods.json') return sendText(res, 404, 'not found');
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      return sendText(res, 405, 'method not allowed');
    }
    if (path === '/pods.json') {
      res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(this.#pods()));
      return;
    }
    const nonce = randomBytes(16).toString('base64');
    const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;
    res.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy });
    res.end(dashboardPage(this.#options.cluster.apiServer, this.#pods(), nonce));
  }

  #pods(): DashboardPod[] {
    return this.#options.pods.list().items.map((pod) => {
      const status = pod.status.containerStatuses?.[0];
      const port = pod.spec.containers[0]?.ports?.[0]?.containerPort ?? 0;
      return {
        name: pod.metadata.name,
        ip: pod.status.podIP ?? '',
        status: podStatus(pod),
        ready: status?.ready === true,
        restarts: status?.restartCount ?? 0,
        events: `http://${pod.status.podIP}:${port}/events`,
      };
    });
  }
}

function sendText(res: ServerResponse, code: number, text: string): void {
  res.writeHead(code, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
