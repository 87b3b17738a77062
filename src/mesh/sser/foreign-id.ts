import type { PushRequest } from '../../push/http/types.js';

/** Shorter than any cursor: not even its origin has room. */
const COUNTED = /^\d{1,8}$/;
const FIELD = 'last-event-id';

/**
 * Forgets the `Last-Event-ID` of a client that was served by a pod of the Go package before: that one counts its events. Such
 * an id means nothing elsewhere, and answered by 400 an `EventSource` would give up for good; without it the client follows
 * from now, which is what it would get there at the most.
 */
export function forgetForeignId(req: PushRequest): void {
  const { rawHeaders } = req;
  if (!Array.isArray(rawHeaders)) return;
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (rawHeaders[i]?.toLowerCase() !== FIELD || !COUNTED.test(rawHeaders[i + 1] ?? '')) continue;
    rawHeaders.splice(i, 2);
    delete req.headers[FIELD];
  }
}
