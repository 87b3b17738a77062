import { InvalidArgumentError } from '../errors/index.js';
import { EVENT_STREAM_TYPE } from './mime.js';
import type { EventStreamOptions } from './options.js';

/** What a field value may hold on the wire (RFC 9110, 5.5); Node's client refuses the rest. */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The request for an event stream (WHATWG HTML, 9.2.2: the potential-CORS request and its Last-Event-ID).
 *
 * @throws InvalidArgumentError for an id that no header can carry: without it the stream would silently start over.
 */
export async function fetchInit(
  options: EventStreamOptions,
  credentials: 'include' | 'same-origin',
  lastEventId: string,
  signal: AbortSignal,
): Promise<RequestInit & { cache: 'no-store' }> {
  const { headers: given } = options;
  const headers = new Headers(typeof given === 'function' ? await given() : given);
  headers.set('Accept', EVENT_STREAM_TYPE);
  // Sent by the cache mode.
  headers.delete('Cache-Control');
  headers.delete('Last-Event-ID');
  if (lastEventId !== '') {
    // A header is a byte string: each byte of the UTF-8 as one character.
    const bytes = Buffer.from(lastEventId, 'utf8').toString('latin1');
    if (UNSENDABLE.test(bytes)) {
      throw new InvalidArgumentError(`the id ${JSON.stringify(lastEventId)} cannot be sent as Last-Event-ID`);
    }
    headers.set('Last-Event-ID', bytes);
  }
  return { method: 'GET', headers, mode: 'cors', credentials, cache: 'no-store', redirect: 'follow', signal };
}
