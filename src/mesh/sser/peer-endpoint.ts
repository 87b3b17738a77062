import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError, LimitExceededError } from '../../errors/index.js';
import { checkOptionNames } from '../../limits/option-names.js';
import { milliseconds } from '../../limits/option-values.js';
import { safeLogger, silentLogger, type Logger } from '../../logger/logger.js';
import { LogClosedError } from '../../push/log/errors.js';
import { ORIGIN_HEADER, PEER_ENDPOINT_URL_PATH } from './constants.js';
import { EmptyMessageError } from './errors.js';
import { parsePeerEvent } from './peer-event.js';
import { readBody, type BodyBudget, type Unread } from './read-body.js';

/** What the endpoint needs of an `EventLog`. */
export interface DeliveringLog {
  readonly clock: Clock;
  readonly settings: { readonly limits: { readonly maxEventBytes: number } };
  /** Hands an event to those who follow the stream now. */
  deliver(stream: string, data: string): unknown;
}

/** How a {@link PeerEndpoint} works. */
export interface PeerEndpointOptions {
  /** Milliseconds that the body of a request may take. Default 10,000. */
  readonly bodyTimeout?: number;
  /** Default: says nothing. */
  readonly logger?: Logger;
}

/** Serves requests of peers. */
export interface PeerEndpoint {
  (req: IncomingMessage, res: ServerResponse): void;
  /** Events that came, and requests that were refused. */
  readonly received: number;
  readonly refused: number;
}

/** Bodies of the largest size that may be in memory at once. */
const BODIES = 16;
/** In JSON a byte may take six, as `\u0007`. */
const ESCAPED = 6;
/** Milliseconds that the connection of a peer may be idle between events. */
const IDLE = 600_000;
/** Milliseconds between warnings. */
const WARN_EVERY = 10_000;
/** For all but the message. */
const AROUND = 16 * 1024;

const REFUSALS: Readonly<Record<Exclude<Unread, 'gone'>, readonly [status: number, text: string]>> = {
  'too-large': [413, 'the event is too large'],
  'too-slow': [408, 'the body took too long'],
  'too-many': [503, 'too many events at once'],
};

/** Whether a request is for the endpoint. */
export function isForPeerEndpoint({ url = '' }: IncomingMessage): boolean {
  return url.split('?', 1)[0] === PEER_ENDPOINT_URL_PATH;
}

/**
 * The endpoint that pods of the Go package go.skia.org/infra/go/sser post their events to: `POST /api/json/v1/send` with
 * `{"stream","msg"}`. An event goes to those who follow the stream on this pod now, and nowhere else: the sender posts it to
 * every pod itself. It has no cursor and no place in the history.
 *
 * The answer is an empty 200; else text: 400 for what is no such event (`invalid JSON`), an unusable stream or an empty
 * message; 403 for pages, 405 for other methods, 408, 413, 503. The original takes any method, and anybody's: pods send
 * nothing but POST, and pages in the browser of somebody who can reach the port must not get at it.
 *
 * An event of a pod that could be linked, which its header `Trunkline-Origin` tells, gets 426: it comes over the link.
 *
 * @throws InvalidArgumentError for options that do not exist or are out of range.
 */
export function peerEndpoint(log: DeliveringLog, options: PeerEndpointOptions = {}): PeerEndpoint {
  checkOptionNames('peerEndpoint', options, { bodyTimeout: true, logger: true });
  const timeout = milliseconds('bodyTimeout', options.bodyTimeout ?? 10_000) || Infinity;
  const logger = safeLogger(options.logger ?? silentLogger);
  const limit = ESCAPED * log.settings.limits.maxEventBytes + AROUND;
  const budget: BodyBudget = { limit: BODIES * limit, used: 0 };
  const counts = { received: 0, refused: 0 };

  let warnedAt = -Infinity;
  const warnOfLoss = (): void => {
    const now = log.clock.now();
    if (now - warnedAt < WARN_EVERY) return;
    warnedAt = now;
    logger.warn(
      {},
      'a peer posted an empty body: the Go package does, and loses an event, when a peer before was too slow',
    );
  };

  const refuse = (res: ServerResponse, status: number, text: string, headers: Record<string, string> = {}): void => {
    counts.refused += 1;
    logger.debug({ status, text }, 'a posted event was refused');
    if (res.destroyed || res.headersSent) return;
    res.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': Buffer.byteLength(text) + 1,
      ...headers,
    });
    res.end(`${text}\n`);
  };

  const take = (res: ServerResponse, body: Buffer): void => {
    if (body.length === 0) warnOfLoss();
    const event = parsePeerEvent(body);
    if (event === undefined) return refuse(res, 400, 'invalid JSON');
    if (event.msg === '') return refuse(res, 400, new EmptyMessageError().message);
    try {
      log.deliver(event.stream, event.msg);
    } catch (error) {
      return refuse(res, ...refusalOf(error, logger));
    }
    counts.received += 1;
    // The original never ends a connection, and what it posts on one that this side is just about to end could get lost: so
    // this side waits longer than it does for others. The server sets its own time first.
    res.on('finish', () => res.req.socket.setTimeout(IDLE));
    // Without a length the original would not use the connection again: it never reads a body.
    res.writeHead(200, { 'Content-Length': 0 }).end();
  };

  const serve = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const body = await readBody(req, { clock: log.clock, limit, timeout, budget });
    if (Buffer.isBuffer(body)) return take(res, body);
    if (body !== 'gone') refuse(res, ...REFUSALS[body], { Connection: 'close' });
  };

  const endpoint = (req: IncomingMessage, res: ServerResponse): void => {
    res.on('error', () => {});
    const { headers } = req;
    const early = { Connection: 'close' };
    if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined) {
      return refuse(res, 403, 'this is for pods, not for pages', early);
    }
    if (req.method !== 'POST') return refuse(res, 405, 'the method must be POST', { Allow: 'POST', ...early });
    if (headers[ORIGIN_HEADER.toLowerCase()] !== undefined) {
      return refuse(res, 426, 'this pod has links', { Upgrade: 'yamux', Connection: 'Upgrade, close' });
    }
    void serve(req, res);
  };
  return Object.defineProperties(Object.assign(endpoint, counts), {
    received: { get: () => counts.received },
    refused: { get: () => counts.refused },
  });
}

function refusalOf(error: unknown, logger: Logger): [status: number, text: string] {
  if (error instanceof InvalidArgumentError) return [400, error.message];
  if (error instanceof LimitExceededError) return [error.limit === 'maxEventBytes' ? 413 : 503, error.message];
  if (error instanceof LogClosedError) return [503, error.message];
  logger.error({ err: error }, 'an event could not be delivered');
  return [500, 'internal error'];
}
