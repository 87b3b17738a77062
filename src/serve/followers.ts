import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from '../httpstream/respond.js';
import type { Logger } from '../logger/logger.js';
import type { PodState } from '../mesh/protocol/messages.js';
import { forgetForeignId } from '../mesh/sser/foreign-id.js';
import type { CorsOptions } from '../push/http/cors.js';
import type { Drain } from '../push/http/drain.js';
import { queryOf } from '../push/http/request.js';
import { answerError } from '../push/http/respond.js';
import type { EventLog } from '../push/log/event-log.js';
import { longPollHandler } from '../push/longpoll/handler.js';
import { keyOf, keyOfPath } from '../push/longpoll/key.js';
import { sseHandler } from '../push/sse/handler.js';
import { watchHandler } from '../push/watch/handler.js';
import { webSocketHandler } from '../push/websocket/handler.js';
import { accessOf, type Access } from './access.js';
import { ReadyLog } from './ready-log.js';

/** How clients follow. */
export interface FollowersOptions {
  readonly access: Access;
  readonly state: () => PodState;
  readonly cors: boolean | CorsOptions;
  readonly allowedOrigins: readonly string[] | 'any';
  readonly allowedHosts: readonly string[] | undefined;
  readonly maxClients: number;
  /** Milliseconds that event streams are told to wait before they connect again. */
  readonly retry: number;
  /** Whether clients may come from pods of the Go package sser, with an id that means nothing here. */
  readonly compatible: boolean;
  readonly logger: Logger;
  readonly random: () => number;
}

/** What clients of etcd ask for. */
const KEYS = '/v2/keys';

/** All ways to follow the log over HTTP. */
export class Followers {
  readonly #options: FollowersOptions;
  readonly #sse: ReturnType<typeof sseHandler>;
  readonly #watch: ReturnType<typeof watchHandler>;
  readonly #longPoll: ReturnType<typeof longPollHandler>;
  readonly #webSocket: ReturnType<typeof webSocketHandler>;

  /** @throws InvalidArgumentError */
  constructor(eventLog: EventLog, options: FollowersOptions) {
    const { access, state, cors, allowedHosts, allowedOrigins, maxClients, logger, retry, random } = options;
    const log = new ReadyLog(eventLog, state);
    const authorize = (req: IncomingMessage, streams: readonly string[]): ReturnType<Access['answer']> =>
      access.answer(accessOf(req, 'follow', streams));
    const shared = { authorize, maxClients, logger, ...(allowedHosts === undefined ? {} : { allowedHosts }) };
    this.#options = options;
    this.#sse = sseHandler(log, { ...shared, cors, retry, wildcards: true });
    this.#watch = watchHandler(log, { ...shared, cors, random, wildcards: true });
    this.#longPoll = longPollHandler(log, { ...shared, cors, prefix: KEYS });
    this.#webSocket = webSocketHandler(log, { ...shared, allowedOrigins, wildcards: true });
  }

  /** Clients now. */
  get clients(): number {
    return this.#sse.clients + this.#watch.clients + this.#longPoll.clients + this.#webSocket.clients;
  }

  /** `GET /events`: the query says how. */
  events(req: IncomingMessage, res: ServerResponse): void {
    const query = queryOf(req);
    if (query.has('watch')) this.#watch(req, res);
    else if (query.has('wait')) this.#waitOnce(req, res, query);
    else {
      if (this.#options.compatible) forgetForeignId(req);
      this.#sse(req, res);
    }
  }

  /** `GET /v2/keys/STREAM`, as etcd has it. */
  keys(req: IncomingMessage, res: ServerResponse): void {
    this.#longPoll(req, res);
  }

  /** `GET /events` with `Upgrade: websocket`. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const state = this.#options.state();
    if (state === 'ready') this.#webSocket(req, socket, head);
    else refuseUpgrade(socket, 503, `the pod is ${state}`, { headers: { 'Retry-After': '1' } });
  }

  /** Ends everybody over a time, and lets nobody in any more. */
  async drain(drain: Drain, retry: number): Promise<void> {
    const { over, random } = drain;
    const options = { over, random, ...(drain.signal === undefined ? {} : { signal: drain.signal }) };
    await Promise.all([
      this.#sse.drain({ ...options, retry }),
      this.#watch.drain(options),
      this.#longPoll.drain(options),
      this.#webSocket.drain(options),
    ]);
  }

  /** A long poll: of one stream, for that is what a key is. */
  #waitOnce(req: IncomingMessage, res: ServerResponse, query: URLSearchParams): void {
    const [stream, ...others] = query.getAll('stream');
    const path = `${KEYS}/${encodeURIComponent(stream ?? '')}`;
    // Keys are cleaned as paths are, so that some names are none.
    if (stream === undefined || others.length > 0 || stream.includes('*') || !isKey(stream, path)) {
      const why = 'a long poll is of one stream: ?stream=NAME&wait=true, or /v2/keys/NAME?wait=true&recursive=true';
      return answerError(req, res, 400, 'ERR_BAD_REQUEST', why);
    }
    query.delete('stream');
    req.url = `${path}?${query.toString()}`;
    this.#longPoll(req, res);
  }
}

function isKey(stream: string, path: string): boolean {
  const found = keyOfPath(path, KEYS);
  return found !== undefined && !found.directory && found.key === keyOf(stream);
}
