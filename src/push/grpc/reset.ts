import type { WatchCall } from './types.js';

/** ENHANCE_YOUR_CALM of HTTP/2 (RFC 9113, 7), which clients show as RESOURCE_EXHAUSTED. */
const ENHANCE_YOUR_CALM = 0xb;
const MOST_INTERCEPTORS = 32;

/**
 * Ends a call whose client does not read. A status would wait behind what is unread, and `@grpc/grpc-js` has no public way
 * to reset a call from the server, so the HTTP/2 stream is looked for where it keeps it. Should it be elsewhere one day,
 * the call only loses its Node stream, and what waits goes with the connection.
 */
export function resetCall(call: WatchCall): void {
  let carrier: unknown = inner(call, 'call');
  for (let depth = 0; depth < MOST_INTERCEPTORS && carrier !== undefined; depth++) {
    const stream = inner(carrier, 'stream');
    const close = inner(stream, 'close');
    if (typeof close === 'function') {
      close.call(stream, ENHANCE_YOUR_CALM);
      break;
    }
    carrier = inner(carrier, 'nextCall');
  }
  call.destroy();
}

function inner(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (Reflect.get(value, name) as unknown) : undefined;
}
