import type { IncomingMessage, ServerResponse } from 'node:http';
import { InvalidArgumentError, LimitExceededError, TimeoutError } from '../errors/index.js';
import type { Bus } from '../mesh/bus.js';
import { PodNotReadyError } from '../mesh/errors.js';
import { queryOf } from '../push/http/request.js';
import { answer } from '../push/http/respond.js';
import { LogClosedError } from '../push/log/errors.js';
import type { EventLog } from '../push/log/event-log.js';
import type { LogEvent } from '../push/log/types.js';
import { mediaTypeOf, readText } from './body.js';
import type { PodMetrics } from './metrics.js';
import { itemsOf, parsePublishQuery, type PublishItem, type PublishQuery } from './publish-request.js';

/** Bounds of what is published over HTTP. */
export interface PublishLimits {
  /** Bytes of the body of one request. */
  readonly maxBodyBytes: number;
  /** Events of one batch. */
  readonly maxBatch: number;
  /** Milliseconds for acknowledgements, unless the request says. */
  readonly timeout: number;
}

/** What a publisher is told of one event. */
export interface PublishedAnswer {
  /** The position behind the event: whoever shows it gets what comes after. */
  readonly cursor: string;
  readonly origin: string;
  readonly n: number;
  /** Pods that have it, this one included. */
  readonly acks: number;
  /** There when the acknowledgements that were asked for did not come in time. */
  readonly acknowledged?: false;
}

/** One event that was published, or why not. */
export type Outcome =
  | { readonly status: 200 | 504; readonly body: PublishedAnswer }
  | { readonly status: number; readonly code: string; readonly error: string };

/** What publishing needs. */
export interface PublishContext {
  readonly bus: Bus;
  readonly limits: PublishLimits;
  readonly metrics: Pick<PodMetrics, 'published' | 'took'>;
  /** Whether the client may publish to these streams, too, that only the body names; otherwise it was answered. */
  readonly lets: (streams: readonly string[]) => Promise<boolean>;
}

/**
 * Answers `POST /publish`, once it was let through as far as its query goes: text, JSON, or a batch.
 *
 * @throws RequestError, with nothing published.
 */
export async function publish(
  req: IncomingMessage,
  res: ServerResponse,
  { bus, limits, metrics, lets }: PublishContext,
): Promise<void> {
  const query = parsePublishQuery(queryOf(req), limits.timeout);
  const text = await readText(req, res, limits.maxBodyBytes);
  const { maxEventBytes } = bus.log.settings.limits;
  const { items, batch } = itemsOf(query, mediaTypeOf(req), text, { maxEventBytes, maxBatch: limits.maxBatch });
  const others = new Set(items.map(({ stream }) => stream).filter((stream) => stream !== query.stream));
  if (others.size > 0 && !(await lets([...others]))) return;
  const { clock } = bus.log;
  const begun = clock.now();
  // In one turn, so that nothing of others comes between.
  const outcomes = await Promise.all(items.map((item) => publishOne(bus, item, query)));
  metrics.took(clock.now() - begun, query);
  for (const { status } of outcomes) metrics.published(status, query);
  const worst = outcomes.toSorted((a, b) => rank(b) - rank(a))[0];
  const status = worst?.status ?? 200;
  const body = batch ? { events: outcomes.map(bodyOf) } : bodyOf(outcomes[0]);
  answer(req, res, status, `${JSON.stringify(body)}\n`, {
    'Content-Type': 'application/json',
    ...(status === 503 ? { 'Retry-After': '1' } : {}),
  });
}

function bodyOf(outcome: Outcome | undefined): object {
  if (outcome === undefined) return {};
  return 'body' in outcome ? outcome.body : { error: outcome.error, code: outcome.code };
}

/** What went wrong with one event is said of the whole answer; what was not published at all comes first. */
function rank(outcome: Outcome): number {
  if (!('body' in outcome)) return 2;
  return outcome.status === 200 ? 0 : 1;
}

async function publishOne(bus: Bus, item: PublishItem, query: PublishQuery): Promise<Outcome> {
  const { stream, type, key, data } = item;
  const { log } = bus;
  const { ack, timeout } = query;
  // It may have begun to drain while the body came.
  if (bus.state !== 'ready') return failure(new PodNotReadyError(bus.state));
  const publishing = bus.publish(stream, data, { ack, timeout, type, key });
  // The mesh has put it into the log by now, and nothing else: the position is the one behind it.
  const event = justPublished(log, item);
  const cursor = log.cursor(stream);
  try {
    const { event: published, acks } = await publishing;
    return { status: 200, body: { cursor, origin: published.origin, n: published.n, acks } };
  } catch (error) {
    // Out of time, or of a pod: it is published, and others may have it.
    const doubtful = error instanceof TimeoutError || error instanceof PodNotReadyError;
    if (!doubtful || event === undefined) return failure(error);
    const { origin, n } = event;
    return { status: 504, body: { cursor, origin, n, acks: 1, acknowledged: false } };
  }
}

/** The event that was published a moment ago; with a key it may be an older one. */
function justPublished(log: EventLog, { stream, key }: PublishItem): LogEvent | undefined {
  const newest = log.newest(stream);
  if (key === undefined || newest?.key === key) return newest;
  return log.history(stream).findLast((event) => event.key === key);
}

function failure(error: unknown): Outcome {
  if (error instanceof PodNotReadyError || error instanceof LogClosedError) {
    return { status: 503, code: error.code, error: error.message };
  }
  if (error instanceof LimitExceededError) return { status: 503, code: error.code, error: error.message };
  if (error instanceof InvalidArgumentError) return { status: 400, code: error.code, error: error.message };
  if (error instanceof TimeoutError) return { status: 504, code: error.code, error: error.message };
  throw error;
}
