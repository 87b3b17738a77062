import { ProtocolError } from '../../errors/index.js';
import type { Status } from '../../httpstream/index.js';
import { KubernetesAPIError } from '../api-error.js';
import type { APIClient } from './api-client.js';
import { fieldsOf, textOf, type Fields } from './fields.js';
import type { Selection } from './list.js';
import { linesOf } from './read-body.js';

/** Bytes that one event may have; an object of etcd has 1.5 MiB at most. */
const LINE_BYTES = 4 * 1024 * 1024;

/** One line of a watch that tells something. */
export interface WatchEvent {
  /** `ADDED`, `MODIFIED`, `DELETED`, `BOOKMARK`; others may come up one day. */
  readonly type: string;
  readonly object: Fields;
  /** What a watch that follows goes on from. */
  readonly version: string;
}

/** Where a watch begins, and how long it is to last. */
export interface WatchStart {
  readonly version: string;
  /** Seconds after which the server is to end it. */
  readonly timeoutSeconds: number;
}

/**
 * Asks for a watch; resolves once the server has begun it, with its events. These end when the server ends them in order;
 * a line that was cut off is no event, and its version stays unread, so that it comes again.
 *
 * @throws what {@link APIClient.get} throws. The events fail with KubernetesAPIError for an ERROR event, ProtocolError for
 * a line that is no event, LimitExceededError for one too long, and what the connection fails with.
 */
export async function openWatch(
  api: APIClient,
  { path, selectors }: Selection,
  { version, timeoutSeconds }: WatchStart,
  signal: AbortSignal,
): Promise<AsyncGenerator<WatchEvent, void>> {
  const query = {
    ...selectors,
    watch: 'true',
    allowWatchBookmarks: 'true',
    resourceVersion: version,
    timeoutSeconds: String(timeoutSeconds),
  };
  const response = await api.get(path, query, signal);
  return eventsOf(linesOf(response as AsyncIterable<Buffer>, LINE_BYTES));
}

async function* eventsOf(lines: AsyncIterable<string>): AsyncGenerator<WatchEvent, void> {
  for await (const line of lines) {
    if (line.trim() === '') continue;
    const event = fieldsOf(parsed(line));
    const type = textOf(event['type']);
    const object = fieldsOf(event['object']);
    if (type === 'ERROR') throw failureOf(object);
    const version = textOf(fieldsOf(object['metadata'])['resourceVersion']);
    if (type === undefined || version === undefined) {
      throw new ProtocolError('the API server sent a line that is no watch event', { initiator: 'remote' });
    }
    yield { type, object, version };
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new ProtocolError('the API server sent a line that is no JSON', { initiator: 'remote', cause });
  }
}

function failureOf(object: Fields): KubernetesAPIError {
  const status = object as Status;
  const seconds = Number(fieldsOf(object['details'])['retryAfterSeconds']);
  const code = typeof object['code'] === 'number' ? object['code'] : 500;
  return new KubernetesAPIError(`the API server ended the watch: ${textOf(object['message']) ?? `code ${code}`}`, {
    statusCode: code,
    status,
    retryAfter: seconds > 0 ? seconds * 1000 : undefined,
  });
}
