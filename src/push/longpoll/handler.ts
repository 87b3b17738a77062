import { checkLog } from '../http/check-log.js';
import { corsPolicy, type CorsOptions } from '../http/cors.js';
import { endInSlices, resolveDrainOptions, type DrainOptions } from '../http/drain.js';
import { Gate } from '../http/gate.js';
import { answerError } from '../http/respond.js';
import { resolveStreamingOptions } from '../http/streaming-options.js';
import { RUN_HEADER, type PushRequest, type PushResponse } from '../http/types.js';
import { expectRead } from '../lines/unread.js';
import { InvalidCursorError } from '../log/errors.js';
import { answerEtcdFailure, exposeIndex, LINES_TYPE } from './answers.js';
import { etcdFailure } from './etcd-error.js';
import { defaultAction, keyFramer, safeAction } from './event.js';
import { answerGet } from './get.js';
import { resolveLongPollOptions } from './options.js';
import { planWait } from './plan.js';
import { parseKeyRequest, type KeyRequest } from './request.js';
import { KeyStreams } from './streamed.js';
import type { KeyLog, LongPollOptions } from './types.js';
import { Waiter } from './waiter.js';

/** Serves keys. Give it to `createServer` of `node:http`, `node:https` or `node:http2`, or call it in a route. */
export interface LongPollHandler {
  (req: PushRequest, res: PushResponse): void;
  /** Requests that wait, and answers that go on (`stream=true`). */
  readonly clients: number;
  /** Ends all that wait, so that clients ask again; later requests get 503. The log stays open. */
  close(): void;
  /**
   * The same over a time, so that clients do not all come back at once. Settles when the last one was answered.
   *
   * @throws InvalidArgumentError, by rejecting, for unusable options.
   */
  drain(options?: DrainOptions): Promise<void>;
}

/**
 * Serves the streams of a log as keys of etcd's v2 API, for reading: the key of a stream is `/` and its name, the value that
 * of its newest event, the index that of the event in this log.
 *
 * - `GET /v2/keys/orders` gives the newest event, or 404 with error 100.
 * - `?wait=true` waits for the next event; `&waitIndex=N` for the first with an index of at least N, which may be in the
 *   history. With N one above the last `modifiedIndex`, each event comes once. `&recursive=true` means the streams below
 *   `orders/` too, `&stream=true` goes on after the first event, one JSON document per line.
 * - `X-Etcd-Index` is the newest index. Indexes belong to one run of one pod, named by `X-Etcd-Cluster-Id` and
 *   `Trunkline-Run`; a client that sends its run in that header or the parameter `run` is refused by another one instead of
 *   being given the wrong events. Between pods, use cursors.
 * - An index whose events have left the history, or that lies ahead of the run, gives 400 with error 401, as in etcd: go on
 *   with the `index` of that answer and one more.
 * - `?wait=true&cursor=C` takes the place of `waitIndex`. The answer (`application/x-ndjson`) brings all items since the cursor, one
 *   per line, each with the cursor to go on from; missing events are an item with the action `gap`. The header `Trunkline-Cursor` is the
 *   position before the body, to be used when the body is empty.
 *
 * Besides etcd's members events have `type` and `cursor`, and after a removal the event's `data`. There is no `prevNode`, and directories have no indexes. What is
 * not read-only is refused with 405.
 *
 * Sources: etcd `Documentation/v2/api.md`, `etcdserver/api/v2http/client.go`, `store/watcher_hub.go` and
 * `store/event_history.go` of 2.3 to 3.5, and answers of 3.5.21.
 *
 * @throws InvalidArgumentError for what is no log, and for options that do not exist or are out of range.
 */
export function longPollHandler(log: KeyLog, options: LongPollOptions = {}): LongPollHandler {
  checkLog('longPollHandler', log);
  const { prefix, timeout, ahead, maxAnswerBytes } = resolveLongPollOptions(options);
  const settings = resolveStreamingOptions({ ...options, keepAlive: 0, compression: false }, log.clock);
  const requests = new WeakMap<PushRequest, KeyRequest>();
  const waiters = new Set<Waiter>();
  let closed = false;

  const open = (req: PushRequest, res: PushResponse, streams: readonly string[], peer: string | undefined): void => {
    const request = requests.get(req);
    if (request === undefined) return;
    if (closed) {
      answerError(req, res, 503, 'ERR_CLOSED', 'the server is shutting down', { 'Retry-After': '1' });
      return;
    }
    exposeIndex(res);
    if (!request.wait && request.cursor === undefined) {
      answerGet(req, res, log, request, actionOf, maxAnswerBytes);
      expectRead(res, settings.clock, settings.writeTimeout);
      return;
    }
    const plan = planWait(log, request, ahead);
    if ('status' in plan) {
      answerEtcdFailure(req, res, log.origin, plan);
      return;
    }
    try {
      if (request.wait && request.stream) {
        streamed.start(req, res, streams, peer, plan);
        return;
      }
      const context = { log, streams, peer, framer, timeout, ...settings };
      const waiter = new Waiter(req, res, context, plan);
      waiters.add(waiter);
      res.once('close', () => waiters.delete(waiter));
      waiter.begin(request.wait);
    } catch (error) {
      if (!(error instanceof InvalidCursorError)) throw error;
      answerEtcdFailure(req, res, log.origin, etcdFailure(209, `invalid value for "cursor": ${error.message}`));
    }
  };
  const gate = new Gate(
    { ...gateOptions(options), stream: (req) => requests.get(req)?.streams },
    { ...settings, methods: ['GET', 'HEAD'], types: ['application/json', LINES_TYPE] },
    open,
  );
  const actionOf = safeAction(options.action ?? defaultAction, gate.logger);
  const framer = keyFramer(actionOf);
  const streamed = new KeyStreams(log, framer, timeout, settings);

  const handler = (req: PushRequest, res: PushResponse): void => {
    if (req.method === 'GET' || req.method === 'HEAD') {
      const request = parseKeyRequest(req, prefix);
      if ('status' in request) {
        res.on('error', () => {});
        answerEtcdFailure(req, res, log.origin, request);
        return;
      }
      requests.set(req, request);
    }
    gate.enter(req, res);
  };
  const close = (): void => {
    closed = true;
    for (const waiter of waiters) waiter.close();
    streamed.close();
  };
  const drain = async (given: DrainOptions = {}): Promise<void> => {
    const resolved = resolveDrainOptions(given);
    closed = true;
    const ending = {
      clients: waiters,
      remains: (waiter: Waiter) => waiters.has(waiter),
      end: (waiter: Waiter) => waiter.close(),
    };
    await Promise.all([endInSlices(ending, settings.clock, resolved), streamed.drain(resolved)]);
  };
  const clients = (): number => waiters.size + streamed.size;
  return Object.defineProperty(Object.assign(handler, { close, drain, clients: 0 }), 'clients', { get: clients });
}

function gateOptions({ authorize, cors, allowedHosts, logger }: LongPollOptions): {
  -readonly [K in 'authorize' | 'cors' | 'allowedHosts' | 'logger']?: NonNullable<LongPollOptions[K]>;
} {
  // As it was given, before anything is added to it.
  corsPolicy(cors);
  return {
    ...(authorize === undefined ? {} : { authorize }),
    ...(cors === undefined || cors === false ? {} : { cors: withRunHeader(cors === true ? {} : cors) }),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    ...(logger === undefined ? {} : { logger }),
  };
}

function withRunHeader(cors: CorsOptions): CorsOptions {
  return { ...cors, headers: [...(cors.headers ?? []), RUN_HEADER] };
}
