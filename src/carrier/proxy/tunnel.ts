import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { ProxyError, TrunklineError } from '../../errors/index.js';
import { failureDetail } from '../failure-detail.js';
import { openSocket, type Endpoint } from '../socket.js';
import type { ProxyAddress } from './address.js';
import { requestTunnel } from './http-connect.js';
import { requestSocksTunnel } from './socks.js';

/**
 * Connects to a proxy and has it open a tunnel to the target; what the target sends stays in the socket until it is read.
 *
 * @throws ProxyError; InvalidArgumentError for a target that the proxy's protocol cannot express. When the signal aborts,
 * the socket is destroyed at once, whatever step it is at.
 */
export async function openTunnel(
  proxy: ProxyAddress,
  target: Endpoint,
  options: { readonly tls: TlsConnectionOptions | undefined; readonly signal: AbortSignal },
): Promise<Duplex> {
  const { tls, signal } = options;
  const { scheme, host, port, name } = proxy;
  const socket = await openSocket({ host, port, secure: scheme === 'https' }, tls, signal).catch((cause: unknown) => {
    throw new ProxyError(`cannot connect to the proxy ${name}: ${failureDetail(cause)}`, { cause });
  });
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    signal.throwIfAborted();
    await (scheme === 'socks5' ? requestSocksTunnel : requestTunnel)(socket, proxy, target);
    return socket;
  } catch (error) {
    socket.destroy();
    if (error instanceof TrunklineError) throw error;
    const message = `the proxy ${name} did not open a tunnel: ${failureDetail(error)}`;
    throw new ProxyError(message, { cause: error, initiator: 'remote' });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
