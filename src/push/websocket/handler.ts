import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CLOSE, upgradeToMessages } from '../../carrier/websocket/index.js';
import { Sweep } from '../../clock/sweep.js';
import { ConnectionLostError } from '../../errors/index.js';
import { absorbErrors } from '../../httpstream/respond.js';
import { requestFields } from '../diagnostics/request-fields.js';
import type { Refusal } from '../http/authorize.js';
import { checkLog } from '../http/check-log.js';
import { endInSlices, resolveDrainOptions, type Drain, type DrainOptions } from '../http/drain.js';
import type { FollowableLog } from '../http/types.js';
import { admit, followRefusal, refuseRequest, type Admitted } from './admission.js';
import { WebSocketClient, type WebSocketHost } from './client.js';
import { resolveWebSocketOptions, type WebSocketHandlerOptions, type WebSocketSettings } from './options.js';
import { Subscriber } from './subscriber.js';

/**
 * Serves WebSockets: `server.on('upgrade', webSocketHandler(log))`. Where a server has other upgrades too, choose by
 * `req.url` which handler to call.
 */
export interface WebSocketHandler {
  (req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Sockets that are open. */
  readonly clients: number;
  /** Closes all sockets with 1001, so that clients reconnect; later requests get 503. The log stays open. */
  close(): void;
  /**
   * The same over a time, so that clients do not all come back at once. Settles when the last one was told.
   *
   * @throws InvalidArgumentError, by rejecting, for unusable options.
   */
  drain(options?: DrainOptions): Promise<void>;
}

const SHUTTING_DOWN = 'the server is shutting down';

/**
 * Serves the streams of a log over WebSockets, to browsers and others: JSON in text messages, described in
 * `docs/wire/push-websocket.md` under the name `push.trunkline.dev.v1`.
 *
 * `ws://host/path?stream=orders&cursor=…` follows at once; or a client subscribes by message, as often as it likes. It is
 * told its position first, with each event the position behind it, and of gaps where events are missing. It may ask for
 * credit, or leave it to the socket. Clients that offer no subprotocol are served the same way, without one in the answer.
 *
 * Pages of other origins are refused, unless `allowedOrigins` names them. Requests are refused with an HTTP status: 400 for
 * a malformed request, stream or cursor, 403 for what the origin or `authorize` forbids and for unknown subprotocols, 503
 * when there are too many clients or the log is closed.
 *
 * @throws InvalidArgumentError for what is no log, and for options that do not exist or are out of range.
 */
export function webSocketHandler(log: FollowableLog, options: WebSocketHandlerOptions = {}): WebSocketHandler {
  checkLog('webSocketHandler', log);
  const server = new WebSockets(log, resolveWebSocketOptions(options, log.clock));
  const handler = (req: IncomingMessage, socket: Duplex, head: Buffer): void => server.upgrade(req, socket, head);
  const close = (): void => server.close();
  const drain = async (given: DrainOptions = {}): Promise<void> => server.drain(resolveDrainOptions(given));
  return Object.defineProperty(Object.assign(handler, { close, drain, clients: 0 }), 'clients', {
    get: () => server.size,
  });
}

/** The sockets of one handler. */
class WebSockets {
  readonly #settings: WebSocketSettings;
  readonly #clients = new Set<WebSocketClient>();
  readonly #subscriber: Subscriber;
  readonly #host: WebSocketHost;
  /** Requests that wait for `authorize`. */
  #waiting = 0;
  #closed = false;

  constructor(log: FollowableLog, settings: WebSocketSettings) {
    this.#settings = settings;
    const { clock, keepAlive } = settings;
    const subscriber = new Subscriber(log, settings);
    this.#subscriber = subscriber;
    this.#host = {
      settings,
      keepAlive: keepAlive > 0 ? new Sweep(clock, keepAlive, (client) => client.sweep()) : undefined,
      subscribe: (client, message) => subscriber.subscribe(client, message),
      left: (client) => void this.#clients.delete(client),
    };
  }

  get size(): number {
    return this.#clients.size;
  }

  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    absorbErrors(socket);
    void this.#upgrade(req, socket, head);
  }

  close(): void {
    this.#closed = true;
    for (const client of this.#clients) endClient(client);
  }

  async drain(drain: Drain): Promise<void> {
    this.#closed = true;
    const clients = this.#clients;
    const ending = { clients, remains: (client: WebSocketClient) => clients.has(client), end: endClient };
    await endInSlices(ending, this.#settings.clock, drain);
  }

  async #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.#waiting++;
    try {
      const full = this.#clients.size + this.#waiting > this.#settings.maxClients;
      const admitted = this.#closed ? closing() : await admit(req, this.#settings, full);
      if (socket.destroyed) return;
      const refusal = 'status' in admitted ? admitted : this.#serve(req, socket, head, admitted);
      if (refusal !== undefined) refuseRequest(socket, refusal, this.#settings);
    } catch (error) {
      this.#settings.logger.error({ err: error, request: requestFields(req) }, 'a WebSocket request failed');
      refuseRequest(socket, { status: 500 }, this.#settings);
    } finally {
      this.#waiting--;
    }
  }

  #serve(req: IncomingMessage, socket: Duplex, head: Buffer, admitted: Admitted): Refusal | undefined {
    if (this.#closed) return closing();
    // Before the 101, while a cursor that is none can still be answered by 400.
    const first = attempt(() => this.#subscriber.first(admitted));
    if (first !== undefined && 'status' in first) return first;
    const { limits } = this.#settings;
    try {
      const upgrade = { protocol: admitted.protocol, limits };
      const client = upgradeToMessages(req, socket, head, upgrade, (messages) => {
        return new WebSocketClient(this.#host, messages, req, admitted.peer);
      });
      this.#clients.add(client);
      if (first === undefined) client.expectSubscription();
      else client.add(first);
    } catch (error) {
      first?.follower.end('left');
      if (!(error instanceof ConnectionLostError)) throw error;
    }
    return undefined;
  }
}

function endClient(client: WebSocketClient): void {
  client.close(CLOSE.goingAway, SHUTTING_DOWN, 'closed');
}

function closing(): Refusal {
  return { status: 503, body: SHUTTING_DOWN, headers: { 'Retry-After': '1' } };
}

/** What it gives, or how its failure is answered. @throws what cannot be answered. */
function attempt<T>(work: () => T): T | Refusal {
  try {
    return work();
  } catch (error) {
    const refusal = followRefusal(error);
    if (refusal === undefined) throw error;
    return refusal;
  }
}
