import { encodeEvent } from '../../sse/encode.js';
import { EVENT_STREAM_TYPE } from '../../sse/mime.js';
import { checkLog } from '../http/check-log.js';
import { resolveSSEDrainOptions, type SSEDrainOptions } from '../http/drain.js';
import { payloadFramer } from '../http/framer.js';
import { Gate } from '../http/gate.js';
import { requestedCursor } from '../http/request.js';
import { answer } from '../http/respond.js';
import { StreamingResponses } from '../http/streaming.js';
import { resolveStreamingOptions } from '../http/streaming-options.js';
import type { FollowableLog, PushRequest, PushResponse } from '../http/types.js';
import { LogClosedError } from '../log/errors.js';
import type { EndReason } from '../log/types.js';
import { eventStreamFrames, positionBlock } from './frames.js';
import { checkSSEOptions, type SSEHandlerOptions } from './options.js';

/** Serves event streams. Give it to `createServer` of `node:http`, `node:https` or `node:http2`, or call it in a route. */
export interface SSEHandler {
  (req: PushRequest, res: PushResponse): void;
  /** Responses that are open. */
  readonly clients: number;
  /**
   * Ends all responses in order, so that clients reconnect; later requests get a stream that ends at once. The log stays
   * open.
   */
  close(): void;
  /**
   * The same over a time, so that clients do not all come back at once. Settles when the last one was ended.
   *
   * @throws InvalidArgumentError, by rejecting, for unusable options.
   */
  drain(options?: SSEDrainOptions): Promise<void>;
}

const KEEP_ALIVE = ':\n\n';

/**
 * Serves the streams of a log as Server-Sent Events (WHATWG HTML, 9.2), on HTTP/1.0, HTTP/1.1 and HTTP/2.
 *
 * The id of each event is the cursor behind it. A client resumes with the header `Last-Event-ID`, which browsers send of
 * themselves, or the query parameter `cursor` or `lastEventId`. It is sent its position first, so that it can resume even
 * if it gets nothing else, and an event of the type `gap` where events are missing.
 *
 * Refusals have a JSON body `{"error", "code"}`: 400 for a stream or cursor that cannot be, 403 for what `authorize` or the
 * origin forbids, 405, 406 for clients that accept no event stream, 429 and 503 for too many.
 *
 * Ends, in order, with the log. Who comes later gets an empty stream that ends at once, and will come again: to anything but
 * a stream an `EventSource` answers by closing for good, though other pods may be there to serve it.
 *
 * @throws InvalidArgumentError for what is no log, and for options that do not exist or are out of range.
 */
export function sseHandler(log: FollowableLog, options: SSEHandlerOptions = {}): SSEHandler {
  checkLog('sseHandler', log);
  checkSSEOptions(options);
  const { start = 'now', retry, encode, whenOvertaken = 'gap' } = options;
  const settings = resolveStreamingOptions(options, log.clock);
  let closed = false;
  let farewell: (() => string) | undefined;

  const open = (req: PushRequest, res: PushResponse, streams: readonly string[], peer: string | undefined): void => {
    const headers = headersFor(res);
    if (closed) {
      answerLater(req, res, headers, retry);
      return;
    }
    if (req.method === 'HEAD') {
      responses.startHead(res, headers);
      return;
    }
    const cursor = requestedCursor(req);
    try {
      responses.start(req, res, {
        log,
        streams,
        start: cursor === undefined ? start : { cursor },
        transport: 'sse',
        peer,
        whenOvertaken,
        headers,
        farewell: sayFarewell,
        preamble: (follower) => positionBlock(follower.cursor, retry),
      });
    } catch (error) {
      if (!(error instanceof LogClosedError)) throw error;
      answerLater(req, res, headers, retry);
    }
  };
  const gate = new Gate(options, { ...settings, methods: ['GET', 'HEAD'], types: [EVENT_STREAM_TYPE] }, open);
  const responses = new StreamingResponses(payloadFramer(eventStreamFrames(gate.logger, encode)), KEEP_ALIVE, settings);

  const handler = (req: PushRequest, res: PushResponse): void => gate.enter(req, res);
  const sayFarewell = (reason: EndReason): string | undefined => (reason === 'closed' ? farewell?.() : undefined);
  const close = (): void => {
    closed = true;
    responses.end();
  };
  const drain = async (given: SSEDrainOptions = {}): Promise<void> => {
    const resolved = resolveSSEDrainOptions(given);
    const { random, retry: base } = resolved;
    closed = true;
    if (base !== undefined) farewell = () => encodeEvent({ retry: Math.floor(base * (1 + random())) });
    await responses.drain(resolved);
  };
  return Object.defineProperty(Object.assign(handler, { close, drain, clients: 0 }), 'clients', {
    get: () => responses.size,
  });
}

/** A stream that ends at once, so that the client asks again: in a new connection, which may lead to another pod. */
function answerLater(
  req: PushRequest,
  res: PushResponse,
  headers: Readonly<Record<string, string>>,
  retry: number | undefined,
): void {
  const body = encodeEvent({ comment: 'closing', retry });
  answer(req, res, 200, body, req.httpVersionMajor === 1 ? { ...headers, Connection: 'close' } : headers);
}

/** no-transform keeps away compression that would buffer; the last header is what nginx looks at. */
function headersFor(res: PushResponse): Record<string, string> {
  const headers: Record<string, string> = { 'Content-Type': EVENT_STREAM_TYPE };
  if (!res.hasHeader('cache-control')) headers['Cache-Control'] = 'no-cache, no-transform';
  if (!res.hasHeader('x-accel-buffering')) headers['X-Accel-Buffering'] = 'no';
  return headers;
}
