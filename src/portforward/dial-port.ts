import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { ConnectionLostError, InvalidArgumentError, TimeoutError } from '../errors/index.js';
import { absorbErrors } from '../httpstream/index.js';
import type { DialPort } from './types.js';

/** How ports are dialled. */
export interface PortDialer {
  readonly dial: DialPort;
  /** Milliseconds for a connection to come about. */
  readonly dialTimeout: number;
  readonly clock: Clock;
}

/**
 * Asks the application for a connection and waits until it is established. `gone` gives the attempt up; a connection
 * that comes too late is destroyed.
 *
 * @throws what the application throws; TimeoutError; the reason of `gone`.
 */
export async function dialPort(
  { dial, dialTimeout, clock }: PortDialer,
  port: number,
  request: IncomingMessage,
  gone: AbortSignal,
): Promise<Duplex> {
  gone.throwIfAborted();
  const controller = new AbortController();
  const { signal } = controller;
  const onGone = (): void => controller.abort(gone.reason);
  gone.addEventListener('abort', onGone, { once: true });
  const timer = clock.setTimeout(() => {
    controller.abort(new TimeoutError(`no connection to port ${port} within ${dialTimeout} ms`, dialTimeout));
  }, dialTimeout);
  const attempt = established(dial, { port, request, signal });
  try {
    return await Promise.race([attempt, whenAborted(signal)]);
  } catch (error) {
    attempt.then(
      (late) => late.destroy(),
      () => {},
    );
    throw error;
  } finally {
    timer.cancel();
    gone.removeEventListener('abort', onGone);
  }
}

function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

async function established(dial: DialPort, request: Parameters<DialPort>[0]): Promise<Duplex> {
  const given = dial(request);
  // In this very tick, or an early reset would end the process.
  if (given instanceof Duplex) absorbErrors(given);
  const connection = await given;
  if (!(connection instanceof Duplex)) throw new InvalidArgumentError('dial must return a Duplex');
  absorbErrors(connection);
  if ('connecting' in connection && connection.connecting === true) await connected(connection, request.signal);
  if (connection.destroyed) throw connection.errored ?? new ConnectionLostError('the connection is closed');
  return connection;
}

function connected(socket: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abandon = (): void => {
      socket.destroy();
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', abandon, { once: true });
    if (signal.aborted) return abandon();
    const settled = (settle: () => void) => (): void => {
      signal.removeEventListener('abort', abandon);
      settle();
    };
    socket.once('connect', settled(resolve));
    socket.once(
      'close',
      settled(() => reject(socket.errored ?? new ConnectionLostError('the connection is closed'))),
    );
  });
}

/** What a client may be told of an error: its message, or its code where it has none, as errors about several addresses. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
