import { connect, type Socket } from 'node:net';
import { InvalidArgumentError } from '../errors/index.js';
import type { PodAddress } from './network.js';

/** The address that all programs of this machine share. */
const SHARED_ADDRESS = '127.0.0.1';

/**
 * Connects to a port of a pod, at the address that the runtime has given to it. Where pods have no address of their own
 * but share the machine's, only the pod's own ports are its own.
 *
 * @throws InvalidArgumentError for a port that is not the pod's; the error of the operating system.
 */
export async function connectToPod(pod: PodAddress, port: number, signal: AbortSignal): Promise<Socket> {
  if (pod.ip === SHARED_ADDRESS && port !== pod.port && port !== pod.internalPort) {
    throw new InvalidArgumentError(
      `pods share ${SHARED_ADDRESS} on this system, and this one has the ports ${pod.port} and ${pod.internalPort} only`,
    );
  }
  signal.throwIfAborted();
  const socket = connect({ host: pod.ip, port, allowHalfOpen: true, noDelay: true });
  const abandon = (): void => void socket.destroy();
  signal.addEventListener('abort', abandon, { once: true });
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('the connection was given up')));
    });
    return socket;
  } finally {
    signal.removeEventListener('abort', abandon);
  }
}
