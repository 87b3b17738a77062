import type { Duplex } from 'node:stream';
import { TimeoutError } from '../../errors/index.js';
import { StreamHeaders, type UpgradeRequest } from '../../httpstream/index.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { authorizationFromUrl, dial, parseUrl, redactUrl } from '../dial.js';
import { openWebSocket } from './client-handshake.js';
import { resolveChannelOptions, type ChannelConnection, type ChannelOptions } from './options.js';

/** What to connect to. Subprotocols are those of {@link ChannelOptions}; the method is always GET. */
export type ChannelRequest = Omit<UpgradeRequest, 'method' | 'protocols'>;

const OWN_HEADERS = /^(connection|upgrade|sec-websocket-.*|content-length|transfer-encoding|te|trailer|expect)$/;

/**
 * Opens a WebSocket with channels.
 *
 * The address may be `http:`, `https:`, `ws:` or `wss:`; credentials in it become an Authorization header unless one is
 * given. Redirects are not followed. Frames are masked, which costs a pass over what is sent (RFC 6455, 5.3).
 *
 * @throws UpgradeFailureError when the server answers anything but a valid 101 with one of the offered subprotocols
 * (status code, Kubernetes Status and body are in it); ConnectionLostError when the connection fails before any answer;
 * TimeoutError after `request.timeout`; the signal's reason when aborted; InvalidArgumentError for a request that cannot
 * be sent, before anything is. No message shows credentials.
 */
export async function dialChannels(request: ChannelRequest, options: ChannelOptions): Promise<ChannelConnection> {
  const resolved = resolveChannelOptions('client', options);
  const url = parseUrl(request.url);
  const headers = requestHeaders(url, request);
  request.signal?.throwIfAborted();
  const abandoned = new AbortController();
  const milliseconds = request.timeout ?? resolved.limits.upgradeTimeout;
  const timer = resolved.clock.setTimeout(() => {
    abandoned.abort(new TimeoutError(`no answer from ${redactUrl(url)} within ${milliseconds} ms`, milliseconds));
  }, milliseconds);
  const onAbort = (): void => abandoned.abort(request.signal?.reason);
  request.signal?.addEventListener('abort', onAbort, { once: true });
  let socket: Duplex | undefined;
  try {
    const { signal } = abandoned;
    socket = await dial({ url, tls: request.tls, signal, dialer: request.dialer });
    return await openWebSocket({ url, headers, socket, signal, options: resolved });
  } catch (error) {
    socket?.destroy();
    throw error;
  } finally {
    timer.cancel();
    request.signal?.removeEventListener('abort', onAbort);
  }
}

function requestHeaders(url: URL, request: ChannelRequest): Record<string, readonly string[]> {
  const given = new StreamHeaders(request.headers);
  const headers: Record<string, readonly string[]> = {};
  for (const [name, values] of given.entries()) {
    if (OWN_HEADERS.test(name)) throw new InvalidArgumentError(`the handshake sets header ${name} itself`);
    headers[name] = values;
  }
  const authorization = authorizationFromUrl(url);
  if (authorization !== undefined && !given.has('authorization')) headers['authorization'] = [authorization];
  return headers;
}
