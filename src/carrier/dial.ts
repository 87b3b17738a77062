import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { ConnectionLostError, TrunklineError } from '../errors/index.js';
import { absorbErrors } from '../httpstream/respond.js';
import type { Dialer } from '../httpstream/types.js';
import { readAfterWriteError } from './read-after-write-error.js';
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
}

const KEEP_ALIVE_MILLISECONDS = 15_000;

/**
 * Opens a TCP or TLS connection (or what `dialer` opens) that is ready for an HTTP/1.1 request.
 *
 * The socket has an error listener from its first tick, so that a failure nobody waits for cannot end the process. The
 * server's name is checked as `node:tls` does; `tls.servername` overrides it.
 *
 * @throws ConnectionLostError, with the cause, when no connection came about; the signal's reason when aborted.
 */
export async function dial(target: DialTarget): Promise<Duplex> {
  const { signal, url } = target;
  signal.throwIfAborted();
  try {
    const attempt = target.dialer
      ? dialWith(target.dialer, { url, tls: target.tls, signal })
      : connect(url, target.tls, signal);
    return await untilAborted(attempt, signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof TrunklineError) throw error;
    // OpenSSL's messages end in a line break.
    const detail = (error instanceof Error ? error.message : String(error)).trim();
    throw new ConnectionLostError(`cannot connect to ${redactUrl(url)}: ${detail}`, { cause: error });
  }
}

function connect(url: URL, tls: TlsConnectionOptions | undefined, signal: AbortSignal): Promise<Socket> {
  const secure = url.protocol === 'https:' || url.protocol === 'wss:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  // SNI carries names only (RFC 6066, 3).
  const socket = secure
    ? connectTls({ ALPNProtocols: ['http/1.1'], ...(isIP(host) ? {} : { servername: host }), ...tls, host, port })
    : connectTcp({ host, port });
  absorbErrors(socket);
  readAfterWriteError(socket);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      socket.off('error', settle).off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      if (error === undefined) return resolve(socket);
      socket.destroy();
      reject(error);
    };
    const onClose = (): void => settle(new Error('closed before the connection was established'));
    const onAbort = (): void => settle(new Error('aborted'));
    socket.once(secure ? 'secureConnect' : 'connect', () => settle());
    socket.once('error', settle).once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
  });
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
