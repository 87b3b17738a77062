import { connect as connectTcp, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { absorbErrors } from '../httpstream/respond.js';
import { readAfterWriteError } from './read-after-write-error.js';

/** What a socket leads to: a server or a proxy. */
export interface Endpoint {
  /** A name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether it speaks TLS. */
  readonly secure: boolean;
}

const KEEP_ALIVE_MILLISECONDS = 15_000;

/** Opens a TCP or TLS connection. Rejects with what the socket reported; when the signal aborts, the socket is destroyed. */
export async function openSocket(
  { host, port, secure }: Endpoint,
  tls: TlsConnectionOptions | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  const socket = secure ? connectTls({ ...tlsOptions(host, tls), host, port }) : connectTcp({ host, port });
  prepare(socket);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
  return whenReady(socket, secure ? 'secureConnect' : 'connect', signal);
}

/** Speaks TLS to `host` over an open tunnel, and owns the tunnel from then on. Otherwise as {@link openSocket}. */
export function secureTunnel(
  tunnel: Duplex,
  host: string,
  tls: TlsConnectionOptions | undefined,
  signal: AbortSignal,
): Promise<Socket> {
  // The name to be verified is the server's; without `host` it would be the name that the tunnel was connected to.
  const socket = connectTls({ ...tlsOptions(host, tls), host, socket: tunnel });
  prepare(socket);
  tunnel.once('error', (error) => socket.destroy(error));
  socket.once('close', () => tunnel.destroy());
  return whenReady(socket, 'secureConnect', signal);
}

function tlsOptions(host: string, tls: TlsConnectionOptions | undefined): TlsConnectionOptions {
  // SNI carries names only (RFC 6066, 3).
  return { ALPNProtocols: ['http/1.1'], ...(isIP(host) ? {} : { servername: host }), ...tls };
}

function prepare(socket: Socket): void {
  absorbErrors(socket);
  readAfterWriteError(socket);
}

function whenReady(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<Socket> {
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
    socket.once(event, () => settle());
    socket.once('error', settle).once('close', onClose);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}
