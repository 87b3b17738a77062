import { request as httpRequest, type IncomingMessage } from 'node:http';
import { ConnectionLostError, InvalidArgumentError, ProtocolError } from '../errors/index.js';
import type { StreamHeaders } from '../httpstream/index.js';
import { dial, redactUrl, type DialTarget } from './dial.js';
import { failureDetail } from './failure-detail.js';

/** A GET, and how to get there. */
export interface GetRequest extends DialTarget {
  readonly headers: StreamHeaders;
}

/**
 * Sends a GET on a connection of its own and resolves with the answer once its header is there, whatever its status. The
 * body is the caller's to read; the connection ends with it, or when the signal aborts, upon which the body fails.
 *
 * @throws what dialling throws; InvalidArgumentError for a header that cannot be sent; ConnectionLostError when the
 * connection ended without an answer; ProtocolError when the answer was not HTTP; the signal's reason.
 */
export async function sendGet({ headers, ...target }: GetRequest): Promise<IncomingMessage> {
  const { signal, url } = target;
  const socket = await dial(target);
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      socket.destroy();
      reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    };
    signal.addEventListener('abort', abort);
    socket.once('close', () => signal.removeEventListener('abort', abort));
    if (signal.aborted) return abort();
    const fail = (error: NodeJS.ErrnoException): void => {
      socket.destroy();
      const where = redactUrl(url);
      const details = { initiator: 'remote', cause: error } as const;
      if (error.code?.startsWith('HPE_') === true) {
        reject(new ProtocolError(`${where} did not answer in HTTP: ${error.message}`, details));
      } else {
        const detail = failureDetail(error);
        reject(new ConnectionLostError(`${where} closed the connection before it answered: ${detail}`, details));
      }
    };
    try {
      const path = `${url.pathname}${url.search}`;
      const req = httpRequest({ createConnection: () => socket, host: url.hostname, path, setHost: false });
      req.on('error', fail);
      req.setHeader('Host', url.host);
      for (const [name, values] of headers.entries()) req.setHeader(name, [...values]);
      // A body that fails tells whoever reads it, and nobody else.
      req.on('response', (response) => resolve(response.on('error', () => {})));
      req.on('upgrade', () => fail(new Error('it switched protocols unasked')));
      req.end();
    } catch (error) {
      socket.destroy();
      reject(new InvalidArgumentError(`cannot send this request: ${failureDetail(error)}`, { cause: error }));
    }
  });
}
