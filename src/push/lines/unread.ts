import type { Clock } from '../../clock/clock.js';
import type { PushResponse } from '../http/types.js';

/**
 * Cuts off a client that does not read an answer which has been written whole, so that the answer does not stay in memory
 * for as long as the client likes. To be called after `end`. 0 milliseconds: never.
 */
export function expectRead(res: PushResponse, clock: Clock, milliseconds: number): void {
  // What has left already, as nearly all answers have, needs no timer.
  if (milliseconds === 0 || res.destroyed || (res.writableLength === 0 && pendingBytes(res) === 0)) return;
  const timer = clock.setTimeout(() => res.destroy(), milliseconds);
  res.once('finish', () => timer.cancel());
  res.once('close', () => timer.cancel());
}

function pendingBytes(res: PushResponse): number {
  const { socket } = res;
  return socket === null || socket === undefined ? 0 : socket.writableLength;
}
