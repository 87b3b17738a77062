import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError, TimeoutError } from '../../errors/index.js';
import { HEADER_PROTOCOL_VERSION, StreamHeaders, type UpgradeRequest } from '../../httpstream/index.js';
import type { Limits } from '../../limits/limits.js';
import { authorizationFromUrl, dial, parseUrl, redactUrl } from '../dial.js';
import { openWebSocket, type ClientHandshake, type OpenedWebSocket } from './client-handshake.js';

/** What {@link dialWebSocket} needs besides the request. */
export interface DialSettings {
  /** Subprotocols to offer, most preferred first. */
  readonly protocols: readonly string[];
  readonly limits: Limits;
  readonly clock: Clock;
  readonly onRefusal?: ClientHandshake['onRefusal'];
}

const OWN_HEADERS = /^(connection|upgrade|sec-websocket-.*|content-length|transfer-encoding|te|trailer|expect)$/;

/**
 * Opens a WebSocket; `adopt` gets it, with the socket beneath, in the tick in which it opened.
 *
 * The address may be `http:`, `https:`, `ws:` or `wss:`; credentials in it become an Authorization header unless one is
 * given. Redirects are not followed.
 *
 * @throws UpgradeFailureError when the server answers anything but a valid 101 with one of the offered subprotocols
 * (status code, Kubernetes Status and body are in it); ConnectionLostError when the connection fails before any answer;
 * TimeoutError after `request.timeout`; the signal's reason when aborted; InvalidArgumentError for a request that cannot
 * be sent, before anything is. No message shows credentials.
 */
export async function dialWebSocket<T>(
  request: Omit<UpgradeRequest, 'method'>,
  settings: DialSettings,
  adopt: (opened: OpenedWebSocket, socket: Duplex) => T,
): Promise<T> {
  const { clock, limits, onRefusal, protocols } = settings;
  const url = parseUrl(request.url);
  const headers = requestHeaders(url, request);
  request.signal?.throwIfAborted();
  const abandoned = new AbortController();
  const milliseconds = request.timeout ?? limits.upgradeTimeout;
  const timer = clock.setTimeout(() => {
    abandoned.abort(new TimeoutError(`no answer from ${redactUrl(url)} within ${milliseconds} ms`, milliseconds));
  }, milliseconds);
  const onAbort = (): void => abandoned.abort(request.signal?.reason);
  request.signal?.addEventListener('abort', onAbort, { once: true });
  let socket: Duplex | undefined;
  try {
    const { signal } = abandoned;
    const { tls, dialer, proxy, proxyTls } = request;
    const carrier = await dial({ url, tls, dialer, proxy, proxyTls, signal });
    socket = carrier;
    const handshake = { url, headers, protocols, limits, signal, socket, onRefusal };
    return await openWebSocket(handshake, (opened) => adopt(opened, carrier));
  } catch (error) {
    socket?.destroy();
    throw error;
  } finally {
    timer.cancel();
    request.signal?.removeEventListener('abort', onAbort);
  }
}

function requestHeaders(url: URL, request: Omit<UpgradeRequest, 'method'>): Record<string, readonly string[]> {
  const given = new StreamHeaders(request.headers);
  const headers: Record<string, readonly string[]> = {};
  for (const [name, values] of given.entries()) {
    if (OWN_HEADERS.test(name)) throw new InvalidArgumentError(`the handshake sets header ${name} itself`);
    headers[name] = values;
  }
  const { protocols = [] } = request;
  if (protocols.length > 0) headers[HEADER_PROTOCOL_VERSION.toLowerCase()] = protocols;
  const authorization = authorizationFromUrl(url);
  if (authorization !== undefined && !given.has('authorization')) headers['authorization'] = [authorization];
  return headers;
}
