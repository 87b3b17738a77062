import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { ConnectionLostError, InvalidArgumentError, TimeoutError, TrunklineError } from '../errors/index.js';
import type { ProxyOption } from '../httpstream/index.js';
import { absorbErrors } from '../httpstream/respond.js';
import type { Dialer } from '../httpstream/types.js';
import { failureDetail } from './failure-detail.js';
import { resolveProxy, type ProxyAddress } from './proxy/address.js';
import { openTunnel } from './proxy/tunnel.js';
import { openSocket, secureTunnel, type Endpoint } from './socket.js';
import { redactUrl } from './url.js';

export { authorizationFromUrl, parseUrl, redactUrl } from './url.js';

/** Where to connect, and how. */
export interface DialTarget {
  /** Scheme decides on TLS: `https:` and `wss:` use it, `http:` and `ws:` don't. */
  readonly url: URL;
  readonly tls?: TlsConnectionOptions | undefined;
  /** Abandons the attempt; a socket that comes too late is destroyed. */
  readonly signal: AbortSignal;
  /** Replaces the built-in TCP and TLS. */
  readonly dialer?: Dialer | undefined;
  /** Proxy to go through; not together with `dialer`. Default: none. */
  readonly proxy?: ProxyOption | undefined;
  /** TLS settings towards an `https:` proxy. */
  readonly proxyTls?: TlsConnectionOptions | undefined;
}

/**
 * Opens a TCP or TLS connection (or what `dialer` opens) that is ready for an HTTP/1.1 request, through a proxy if there is
 * to be one.
 *
 * The socket has an error listener from its first tick, so that a failure nobody waits for cannot end the process. The
 * server's name is checked as `node:tls` does, behind a proxy too; `tls.servername` overrides it.
 *
 * @throws ConnectionLostError, with the cause, when no connection came about; ProxyError when the proxy is to blame;
 * InvalidArgumentError for an unusable proxy, before anything is sent, and what a `proxy` function throws; the signal's
 * reason when aborted, or a TimeoutError of its kind that says that the proxy did not answer.
 */
export async function dial(target: DialTarget): Promise<Duplex> {
  const { dialer, signal, tls, url } = target;
  signal.throwIfAborted();
  const proxy = resolveProxy(target.proxy, url);
  if (proxy !== undefined && dialer !== undefined) {
    throw new InvalidArgumentError('a dialer and a proxy exclude each other');
  }
  const progress: Progress = { tunnelled: proxy === undefined };
  try {
    const attempt = dialer
      ? dialWith(dialer, { url, tls, signal })
      : proxy
        ? connectThrough(proxy, target, progress)
        : openSocket(endpointOf(url), tls, signal);
    return await untilAborted(attempt, signal);
  } catch (error) {
    if (signal.aborted) throw proxy && !progress.tunnelled ? blamed(signal.reason, proxy) : signal.reason;
    if (error instanceof TrunklineError) throw error;
    const through = proxy === undefined ? '' : ` through the proxy ${proxy.name}`;
    throw new ConnectionLostError(`cannot connect to ${redactUrl(url)}${through}: ${failureDetail(error)}`, {
      cause: error,
    });
  }
}

interface Progress {
  /** Whether the proxy, if there is one, has done its part. */
  tunnelled: boolean;
}

async function connectThrough(proxy: ProxyAddress, target: DialTarget, progress: Progress): Promise<Duplex> {
  const { proxyTls, signal, tls, url } = target;
  const endpoint = endpointOf(url);
  const tunnel = await openTunnel(proxy, endpoint, { tls: proxyTls, signal });
  progress.tunnelled = true;
  return endpoint.secure ? await secureTunnel(tunnel, endpoint.host, tls, signal) : tunnel;
}

function endpointOf(url: URL): Endpoint {
  const secure = url.protocol === 'https:' || url.protocol === 'wss:';
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secure ? 443 : 80) : Number(url.port),
    secure,
  };
}

/** A deadline that passed while the proxy was at work says so. */
function blamed(reason: unknown, proxy: ProxyAddress): unknown {
  if (!(reason instanceof TimeoutError)) return reason;
  const message = `the proxy ${proxy.name} opened no tunnel within ${reason.milliseconds} ms`;
  return new TimeoutError(message, reason.milliseconds, { cause: reason });
}

async function dialWith(dialer: Dialer, target: Parameters<Dialer>[0]): Promise<Duplex> {
  const socket = await dialer(target);
  absorbErrors(socket);
  return socket;
}

/** Rejects as soon as the signal aborts, even when a dialer ignores it. */
async function untilAborted(attempt: Promise<Duplex>, signal: AbortSignal): Promise<Duplex> {
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true, signal: settled.signal });
  });
  try {
    return await Promise.race([attempt, aborted]);
  } catch (error) {
    void destroyLate(attempt);
    throw error;
  } finally {
    settled.abort();
  }
}

async function destroyLate(attempt: Promise<Duplex>): Promise<void> {
  try {
    (await attempt).destroy();
  } catch {
    // The attempt failed by itself: nothing is left to destroy.
  }
}
