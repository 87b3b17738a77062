import { checkLog } from '../http/check-log.js';
import { resolveDrainOptions, type DrainOptions } from '../http/drain.js';
import { Gate } from '../http/gate.js';
import { queryOf } from '../http/request.js';
import { answer, answerError } from '../http/respond.js';
import { resolveStreamingOptions } from '../http/streaming-options.js';
import type { PushRequest, PushResponse } from '../http/types.js';
import { expectRead } from '../lines/unread.js';
import { InvalidCursorError } from '../log/errors.js';
import { answerList } from './list.js';
import { eventObject, watchFramer, type WatchFormat } from './object.js';
import { resolveWatchOptions } from './options.js';
import { parseWatchQuery, type WatchQuery } from './query.js';
import { badRequest, StatusFailure } from './status.js';
import type { WatchableLog, WatchHandlerOptions } from './types.js';
import { Watches } from './watches.js';

/** Serves lists and watches. Give it to `createServer` of `node:http`, `node:https` or `node:http2`, or call it in a route. */
export interface WatchHandler {
  (req: PushRequest, res: PushResponse): void;
  /** Watches that are open. */
  readonly clients: number;
  /** Ends all watches in order, so that clients watch anew; later requests get 503. The log stays open. */
  close(): void;
  /**
   * The same over a time, so that clients do not all come back at once. Settles when the last one was ended.
   *
   * @throws InvalidArgumentError, by rejecting, for unusable options.
   */
  drain(options?: DrainOptions): Promise<void>;
}

/**
 * Serves the streams of a log as Kubernetes serves a resource: `GET` lists what is retained, `GET` with `watch=1` goes on
 * with one JSON document per event and line, `{"type","object"}`. `resourceVersion` is a cursor, which means the same on
 * every pod: opaque, as Kubernetes has it.
 *
 * - `resourceVersion` (or `cursor`): a watch gives what comes behind it; with `0` all that is retained first; without it begins now. What
 *   has left the history, or is of a run that nobody knows, is told by an `ERROR` event with a `Status` of code 410 and
 *   reason `Expired` in a response of status 200, which then ends: list, and watch from there. So is a client that reads
 *   too slowly. One that is no cursor gets 400.
 * - `sendInitialEvents=true&resourceVersionMatch=NotOlderThan` gives all that is retained, then a bookmark that says so.
 * - `allowWatchBookmarks`: bookmarks when the client has had all there was, each `bookmarkInterval`, and before the end.
 * - `timeoutSeconds`: the watch ends in order by then; otherwise at random between `minRequestTimeout` and twice as much.
 * - A list takes `limit` and `continue`. It is never older than its `resourceVersion` asks.
 * - Selectors and `resourceVersionMatch=Exact` are refused.
 *
 * Sources: apiserver `pkg/endpoints/handlers/get.go` and `watch.go`, `pkg/storage/cacher`; apimachinery
 * `pkg/apis/meta/internalversion/validation` (0.37).
 *
 * @throws InvalidArgumentError for what is no log, and for options that do not exist or are out of range.
 */
export function watchHandler(log: WatchableLog, options: WatchHandlerOptions = {}): WatchHandler {
  checkLog('watchHandler', log);
  const own = resolveWatchOptions(options);
  const { compression = false } = options;
  const settings = { ...own, ...resolveStreamingOptions({ ...options, compression, keepAlive: 0 }, log.clock) };
  const queries = new WeakMap<PushRequest, WatchQuery>();
  let closed = false;

  const open = (req: PushRequest, res: PushResponse, streams: readonly string[], peer: string | undefined): void => {
    const query = queries.get(req);
    if (query === undefined) return;
    if (closed) {
      answerError(req, res, 503, 'ERR_CLOSED', 'the server is shutting down', { 'Retry-After': '1' });
      return;
    }
    try {
      if (query.resourceVersion !== '0') check(log, 'resource version', query.resourceVersion);
      check(log, 'continue token', query.continue);
      if (!query.watch) {
        const { kind, apiVersion, maxListBytes: maxBytes } = settings;
        const states = options.watchType !== undefined;
        const { limit, continue: token } = query;
        answerList(req, res, {
          log,
          streams,
          peer,
          framer,
          kind,
          apiVersion,
          states,
          maxBytes,
          limit,
          continue: token,
        });
        expectRead(res, settings.clock, settings.writeTimeout);
      } else if (req.method === 'HEAD') {
        answer(req, res, 200, '', { 'Content-Type': 'application/json' });
      } else {
        watches.start(req, res, streams, peer, query);
      }
    } catch (error) {
      if (!(error instanceof StatusFailure)) throw error;
      answerStatus(req, res, error);
    }
  };
  const gate = new Gate(options, { ...settings, methods: ['GET', 'HEAD'], types: ['application/json'] }, open);
  const format: WatchFormat = {
    kind: own.kind,
    apiVersion: own.apiVersion,
    toObject: options.toObject ?? eventObject,
    watchType: options.watchType ?? (() => 'ADDED'),
    onFailure: ({ stream, type, origin, n }, error) => {
      gate.logger.error({ err: error, stream, type, origin, n }, 'an event could not be made an object');
    },
  };
  const framer = watchFramer(format);
  const watches = new Watches(log, framer, settings);

  const handler = (req: PushRequest, res: PushResponse): void => {
    if (req.method === 'GET' || req.method === 'HEAD') {
      try {
        queries.set(req, parseWatchQuery(queryOf(req)));
      } catch (error) {
        if (!(error instanceof StatusFailure)) throw error;
        res.on('error', () => {});
        answerStatus(req, res, error);
        return;
      }
    }
    gate.enter(req, res);
  };
  const close = (): void => {
    closed = true;
    watches.close();
  };
  const drain = async (given: DrainOptions = {}): Promise<void> => {
    const resolved = resolveDrainOptions(given);
    closed = true;
    await watches.drain(resolved);
  };
  return Object.defineProperty(Object.assign(handler, { close, drain, clients: 0 }), 'clients', {
    get: () => watches.size,
  });
}

function check(log: WatchableLog, what: string, cursor: string): void {
  if (cursor === '') return;
  try {
    log.checkCursor(cursor);
  } catch (error) {
    if (!(error instanceof InvalidCursorError)) throw error;
    throw badRequest(`invalid ${what}: ${error.message}`);
  }
}

function answerStatus(req: PushRequest, res: PushResponse, { status }: StatusFailure): void {
  answer(req, res, status.code, `${JSON.stringify(status)}\n`, {
    'Content-Type': 'application/json',
    'Cache-Control': 'no-cache, private',
  });
}
