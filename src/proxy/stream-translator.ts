import { isHalfCloseRequest } from '../carrier/websocket/index.js';
import { InvalidArgumentError } from '../errors/index.js';
import { StreamHeaders, type UpgradeRequest } from '../httpstream/index.js';
import { parseQuery } from '../remotecommand/query.js';
import { acceptWebSocketStreams } from '../remotecommand/serve-websocket.js';
import { ServerSession, serveSession } from '../remotecommand/session.js';
import type { RemoteCommandRequest, RemoteCommandStreams } from '../remotecommand/types.js';
import { CallerGoneError, until } from './attempt.js';
import { connectBackend } from './backend.js';
import { requestFields } from './fields.js';
import { upgradeLocation } from './location.js';
import { resolveProxyOptions, type UpgradeAwareProxyOptions } from './options.js';
import { badRequest } from './refusal.js';
import { requestText } from './request-text.js';
import { translate } from './translate.js';
import { serveUpgrade } from './upgrade.js';
import { upgradeHandler, type UpgradeCall, type UpgradeHandler } from './upgrade-call.js';

/** How {@link streamTranslator} works. `maxBytesPerSecond` is for stdin, stdout and stderr each. */
export type StreamTranslatorOptions = UpgradeAwareProxyOptions;

const PROTOCOL = 'v5.channel.k8s.io';
const WEB_SOCKET_PING_PERIOD = 30_000;

/**
 * Makes an upgrade handler that translates exec and attach from WebSocket (`v5.channel.k8s.io`) to SPDY, for backends
 * that speak SPDY alone (apiserver `StreamTranslatorHandler`). Every other upgrade, older WebSocket versions included, is
 * proxied as `UpgradeAwareProxy` does with the same options.
 *
 * The WebSocket is accepted before the backend is dialled, so what goes wrong there comes as a Status on the error
 * channel, and then the WebSocket is closed. Redirects are not followed. The wait for the backend's answer is
 * `limits.upgradeTimeout`.
 *
 * @throws InvalidArgumentError for options that cannot work. What it returns never throws.
 */
export function streamTranslator(options: StreamTranslatorOptions): UpgradeHandler {
  return upgradeHandler(resolveProxyOptions(options), (call) =>
    isHalfCloseRequest(call.req) ? serveTranslated(call) : serveUpgrade(call),
  );
}

async function serveTranslated(call: UpgradeCall): Promise<void> {
  const { attempt, held, req, settings, socket } = call;
  const wanted = requestOf(call);
  const request = await until(backendRequest(call), attempt.signal);
  attempt.settle();
  // A WebSocket has no half-close.
  if (socket.readableEnded) throw new CallerGoneError();
  const { clock, idleTimeout, limits } = settings;
  const accepting = acceptWebSocketStreams(req, socket, held.release(), wanted, {
    protocols: [PROTOCOL],
    limits,
    clock,
    idleTimeout,
    // They show that a caller is gone while its stdin waits unread; no answer is asked for.
    heartbeat: { period: WEB_SOCKET_PING_PERIOD, timeout: Infinity },
  });
  let streams: RemoteCommandStreams;
  try {
    streams = await accepting;
  } catch {
    // Already answered.
    return;
  } finally {
    // It was paused while nobody listened.
    socket.resume();
  }
  const session = new ServerSession(withoutResize(streams), wanted, req);
  await serveSession(
    session,
    () => translate({ session, resize: streams.resize, wanted, request, settings }),
    (error) => settings.onError(error, req),
  );
}

function requestOf({ req }: UpgradeCall): RemoteCommandRequest {
  const url = req.url ?? '';
  const start = url.indexOf('?');
  try {
    return parseQuery(new URLSearchParams(start === -1 ? '' : url.slice(start + 1)));
  } catch (error) {
    throw error instanceof InvalidArgumentError ? badRequest(error.message) : error;
  }
}

/** What the SPDY client sends: the caller's headers without those of its WebSocket. */
async function backendRequest({ req, settings }: UpgradeCall): Promise<UpgradeRequest> {
  const { url, path } = await upgradeLocation(req, settings);
  const fields = await requestFields(
    req,
    url,
    settings,
    (name) => name.startsWith('sec-websocket-') || name === 'content-length' || name === 'x-stream-protocol-version',
  );
  // The grammar is checked while there is still an HTTP answer to give.
  requestText('POST', path, fields);
  return {
    url: new URL(`${url.protocol}//${url.host}${path}`),
    headers: new StreamHeaders(fields),
    dialer: ({ signal }) => connectBackend(settings, url, signal),
  };
}

/** Sizes go to the backend as they come, each of them; a session would keep only the newest. */
function withoutResize(streams: RemoteCommandStreams): RemoteCommandStreams {
  const { protocol, stdin, stdout, stderr, error, closed } = streams;
  return {
    protocol,
    stdin,
    stdout,
    stderr,
    error,
    closed,
    resize: undefined,
    close: () => streams.close(),
    destroy: (cause) => streams.destroy(cause),
  };
}
