import { request, type Agent, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import type { Clock } from '../clock/clock.js';
import { ConnectionLostError, LimitExceededError, TimeoutError } from '../errors/index.js';
import type { PodAddress } from './host.js';

/** A request to a pod. */
export interface PodRequest {
  readonly address: PodAddress;
  readonly path: string;
  readonly method?: 'GET' | 'POST';
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: Buffer;
  /** Keeps connections for further requests. Default: a connection for this one. */
  readonly agent?: Agent;
  /** Abandons it; the answer's body too. */
  readonly signal: AbortSignal;
  /** Milliseconds until the header of the answer must be there. */
  readonly timeout: number;
  readonly clock: Clock;
}

/** Whether the pod took nothing of the request, so that it can be sent to another one whatever it asks for. */
export function neverReached(error: unknown): boolean {
  return error instanceof ConnectionLostError && error.cause instanceof Error && 'syscall' in error.cause
    ? error.cause.syscall === 'connect'
    : false;
}

/**
 * Sends a request and resolves with the answer once its header is there. The body is the caller's to read or to destroy.
 *
 * @throws ConnectionLostError when there was no answer; TimeoutError; the signal's reason.
 */
export async function askPod(options: PodRequest): Promise<IncomingMessage> {
  const { address, path, method = 'GET', headers = {}, body, agent, signal, timeout, clock } = options;
  signal.throwIfAborted();
  return await new Promise<IncomingMessage>((resolve, reject) => {
    const { ip, port } = address;
    const req = request({
      host: ip,
      port,
      path,
      method,
      agent: agent ?? false,
      headers: { ...headers, ...(body === undefined ? {} : { 'Content-Length': body.length }) },
    });
    const abort = (): void => void req.destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    const timer = clock.setTimeout(() => {
      req.destroy(new TimeoutError(`the pod at ${ip}:${port} gave no answer within ${timeout} ms`, timeout));
    }, timeout);
    signal.addEventListener('abort', abort, { once: true });
    req.once('close', () => {
      timer.cancel();
      signal.removeEventListener('abort', abort);
    });
    req.once('response', (response) => {
      timer.cancel();
      // A body that fails tells whoever reads it, and nobody else.
      resolve(response.on('error', () => {}));
    });
    req.once('upgrade', (_res, socket) => socket.destroy());
    req.on('error', (cause) => {
      if (signal.aborted || cause instanceof TimeoutError) return reject(cause);
      reject(new ConnectionLostError(`the pod at ${ip}:${port} gave no answer: ${cause.message}`, { cause }));
    });
    req.end(body);
  });
}

/** The whole body of an answer. @throws LimitExceededError past `most` bytes; what reading throws. */
export async function bodyOf(response: IncomingMessage, most: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > most) throw new LimitExceededError('maxAnswerBytes', `a pod's answer exceeds ${most} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
