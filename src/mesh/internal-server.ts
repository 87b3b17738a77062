import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { refuseUpgrade } from '../httpstream/index.js';
import type { LinkAcceptor } from './carrier/accept.js';

/** What somebody may cost who has proved nothing: bytes of a head, and milliseconds for it and for a request. */
const UNPROVED = {
  maxHeaderSize: 8 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 1_000,
} as const;

/** Where the internal server listens. */
export interface InternalServerOptions {
  readonly host: string | undefined;
  readonly port: number;
  /** With it the port speaks TLS. */
  readonly tls: TlsOptions | undefined;
  /** Requests that are no links. */
  readonly requests: RequestListener;
}

/** The server that only other pods reach: links, and what else is served to them. */
export class InternalServer {
  readonly #options: InternalServerOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #closed = false;

  constructor(acceptor: LinkAcceptor, options: InternalServerOptions) {
    this.#options = options;
    const listener = (req: IncomingMessage, res: ServerResponse): void => options.requests(req, res);
    this.#server =
      options.tls === undefined
        ? createServer(UNPROVED, listener)
        : createSecureServer({ ...UNPROVED, ...options.tls }, listener);
    this.#server.on('upgrade', (req, socket, head) => {
      if (acceptor.wants(req)) acceptor.upgrade(req, socket, head);
      else refuseUpgrade(socket, 404, 'there is nothing to upgrade to');
    });
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? (address satisfies AddressInfo).port : this.#options.port;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    // It was closed while the address was looked up.
    if (this.#closed) await this.close();
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    this.#closed = true;
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }
}
