import type { Duplex } from 'node:stream';
import { redactUrl } from '../carrier/dial.js';
import { ConnectionLostError } from '../errors/index.js';
import { connectBackend } from './backend.js';
import type { ProxySettings } from './options.js';
import { ResponseHeadReader, type ResponseHead } from './response-head.js';

/** A backend's answer to an upgrade request. The socket is paused. */
export interface BackendAnswer {
  readonly head: ResponseHead;
  /** What came behind the header. */
  readonly rest: Buffer;
  readonly socket: Duplex;
}

/**
 * Connects to the backend, sends the header of a request, and reads that of the answer. Nothing else is sent.
 *
 * @throws AddressDeniedError, ConnectionLostError, ProtocolError, LimitExceededError, the signal's reason. The socket is
 * destroyed then.
 */
export async function exchangeHeads(
  settings: ProxySettings,
  url: URL,
  request: Buffer,
  signal: AbortSignal,
): Promise<BackendAnswer> {
  const socket = await connectBackend(settings, url, signal);
  socket.on('error', () => {});
  try {
    return await answerOf(socket, url, request, settings.maxResponseHeaderBytes, signal);
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function answerOf(
  socket: Duplex,
  url: URL,
  request: Buffer,
  limit: number,
  signal: AbortSignal,
): Promise<BackendAnswer> {
  return new Promise((resolve, reject) => {
    const reader = new ResponseHeadReader(limit);
    const settle = (): void => {
      socket.off('data', onData).off('end', onLoss).off('close', onLoss).off('error', onLoss);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: unknown): void => {
      settle();
      reject(error as Error);
    };
    const onData = (chunk: Buffer): void => {
      try {
        const answer = reader.push(chunk);
        if (answer === undefined) return;
        settle();
        socket.pause();
        resolve({ ...answer, socket });
      } catch (error) {
        fail(error);
      }
    };
    const onLoss = (error?: Error): void => {
      const when = reader.length === 0 ? 'before it answered' : 'within its answer';
      const detail = error instanceof Error ? `: ${error.message}` : '';
      const message = `${redactUrl(url)} closed the connection ${when}${detail}`;
      fail(new ConnectionLostError(message, { initiator: 'remote', cause: error }));
    };
    const onAbort = (): void => fail(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort);
    socket.on('data', onData).on('end', onLoss).on('close', onLoss).on('error', onLoss);
    if (socket.destroyed) return onLoss();
    socket.write(request);
    socket.resume();
  });
}
