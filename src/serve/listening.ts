import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import type { Logger } from '../logger/logger.js';
import { ignoreUpgrade, wantsWebSocket } from './ignore-upgrade.js';

const ASKS = Number(process.versions.node.split('.', 1)[0]) >= 26;

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** What is served. */
export interface Serving {
  request(req: IncomingMessage, res: ServerResponse): void;
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** How the public port works. Durations are in milliseconds. */
export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly requestTimeout: number;
  readonly maxConnections: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** For the head of a request. */
const HEADERS_TIMEOUT = 10_000;
/** Longer than balancers leave a connection idle (60 s), so that they never send a request into one that is being closed. */
const KEEP_ALIVE_TIMEOUT = 75_000;
/** Without new connections and requests, until the port is closed; and the longest time until it is. */
const QUIET = 100;
const LONGEST_QUIET = 1_000;
/** Between looks at which connections have become idle. */
const IDLE_CHECK = 50;

/** The server of the public port. */
export class PublicServer {
  readonly #options: ListenOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #serving: Serving;
  /** Connections that were upgraded, or have requests that are being answered. */
  readonly #busy = new Map<Duplex, number>();
  /** Requests that are being answered. */
  #active = 0;
  #destroyed = false;
  /** When a connection or a request came last, or an answer was given. */
  #lastActive = 0;
  #closed: Promise<void> | undefined;

  constructor(serving: Serving, options: ListenOptions) {
    const { requestTimeout, maxConnections, logger } = options;
    const headersTimeout = Math.min(HEADERS_TIMEOUT, requestTimeout);
    this.#options = options;
    this.#serving = serving;
    const serverOptions = {
      requestTimeout,
      headersTimeout,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
      connectionsCheckingInterval: 1_000,
      // Node 26 keeps the body of an upgrade to itself, and asks; it has to serve such requests as plain ones.
      ...(ASKS ? { shouldUpgradeCallback: (req: IncomingMessage) => wantsWebSocket(req) || !hasBody(req) } : {}),
    };
    this.#server = createServer(serverOptions, (req, res) => this.#serve(req, res));
    this.#server.maxConnections = maxConnections;
    // Whoever reads the body says when it may come.
    this.#server.on('checkContinue', (req, res) => this.#serve(req, res));
    this.#server.on('upgrade', (req, socket, head) => {
      if (!wantsWebSocket(req) && ignoreUpgrade(this.#server, req, socket, head)) return;
      this.#busy.set(socket, Infinity);
      serving.upgrade(req, socket, head);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => answerClientError(error, socket));
    this.#server.on('connection', (socket: Socket) => {
      // One whose upgrade is passed over comes twice.
      if (this.#sockets.has(socket)) return;
      this.#sockets.add(socket);
      this.#lastActive = this.#options.clock.now();
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#busy.delete(socket);
      });
    });
    this.#server.on('drop', () => logger.warn({ maxConnections }, 'a connection was dropped: there are too many'));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? (address satisfies AddressInfo).port : this.#options.port;
  }

  /** @throws the error of the operating system. */
  async listen(): Promise<void> {
    const { host, port, logger } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', (error) => logger.error({ err: error }, 'the public port failed'));
        resolve();
      });
    });
  }

  /**
   * Settles when all requests have had their answers, or at `deadline`, with the port closed. New connections are taken for a
   * moment more, until none come: what was sent to a port that is closed at once is reset.
   */
  async close(deadline: number): Promise<void> {
    await this.#untilQuiet(deadline);
    await this.#closeBy(deadline);
  }

  async #untilQuiet(deadline: number): Promise<void> {
    const { clock } = this.#options;
    const latest = Math.min(deadline, clock.now() + LONGEST_QUIET);
    while (!this.#destroyed && this.#server.listening && clock.now() < latest) {
      if (this.#active === 0 && clock.now() - this.#lastActive >= QUIET) return;
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, IDLE_CHECK));
    }
  }

  #closeBy(deadline: number): Promise<void> {
    this.#closed ??= this.#close();
    const { clock } = this.#options;
    const look = (): void => {
      if (clock.now() >= deadline) this.destroy();
      else this.#closeIdle();
      if (this.#sockets.size > 0)
        timer = clock.setTimeout(look, Math.min(IDLE_CHECK, Math.max(0, deadline - clock.now())));
    };
    let timer = clock.setTimeout(look, 0);
    return this.#closed.finally(() => timer.cancel());
  }

  /** Ends all connections, and waits for no more of them. */
  destroy(): void {
    this.#destroyed = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Also those that never had a request, which Node does not take for idle: browsers and undici open some in advance. */
  #closeIdle(): void {
    for (const socket of this.#sockets) if (!this.#busy.has(socket)) socket.destroy();
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    // What came behind the body of an upgrade that Node has passed over is not read.
    if (ASKS && req.headers.upgrade !== undefined && hasBody(req)) res.setHeader('Connection', 'close');
    const { socket } = req;
    this.#busy.set(socket, (this.#busy.get(socket) ?? 0) + 1);
    this.#active += 1;
    this.#lastActive = this.#options.clock.now();
    res.once('close', () => {
      this.#active -= 1;
      const left = (this.#busy.get(socket) ?? 1) - 1;
      if (left === 0 || socket.destroyed) this.#busy.delete(socket);
      else this.#busy.set(socket, left);
      this.#lastActive = this.#options.clock.now();
    });
    this.#serving.request(req, res);
  }

  async #close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** What is no HTTP is told so in the way of the other answers, if it can be told anything. */
function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  socket.on('error', () => {});
  // Behind what was sent already it would be taken for a part of that.
  const begun = 'bytesWritten' in socket && socket.bytesWritten !== 0;
  if (error.code === 'ECONNRESET' || !socket.writable || begun) return void socket.destroy();
  const [status, text] = STATUS[error.code ?? ''] ?? ['400 Bad Request', 'the request is no HTTP'];
  const body = JSON.stringify({ error: text, code: 'ERR_BAD_REQUEST' });
  const head = `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  socket.end(head + body, () => socket.destroy());
}

const STATUS: Readonly<Record<string, readonly [status: string, text: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['408 Request Timeout', 'the request took too long'],
  HPE_HEADER_OVERFLOW: ['431 Request Header Fields Too Large', 'the headers are too large'],
};
