import { connect } from 'node:net';
import type { Clock } from '../clock/clock.js';
import type { PodAddress } from './network.js';

const FIRST_PAUSE = 25;
const LONGEST_PAUSE = 1_000;
const CONNECT_TIMEOUT = 1_000;

/**
 * Waits until something accepts connections at the pod's address. A program need not listen: with `readyAfter` it is
 * taken for ready after so many milliseconds. False when the process ended first.
 */
export async function awaitReadiness(
  { ip, port }: PodAddress,
  readyAfter: number | undefined,
  clock: Clock,
  ended: () => boolean,
): Promise<boolean> {
  const start = clock.now();
  for (let pause = FIRST_PAUSE; !ended(); pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    if (await accepts(ip, port)) return !ended();
    if (readyAfter !== undefined && clock.now() - start >= readyAfter) return !ended();
    await new Promise<void>((resolve) => {
      clock.setTimeout(resolve, pause);
    });
  }
  return false;
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: CONNECT_TIMEOUT });
    const settle = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => settle(true));
    socket.once('timeout', () => settle(false));
    socket.on('error', () => settle(false));
  });
}
