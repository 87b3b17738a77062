import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { refuseUpgrade } from './respond.js';
import { hasBody } from './upgrade-request.js';

/** How an unacceptable request is answered. */
export interface RefusalTiming {
  readonly clock: Clock | undefined;
  /** Milliseconds for the client to take the answer. */
  readonly timeout: number;
}

/**
 * Whether a request may be upgraded; if not, it is answered with 400, and its socket closed.
 *
 * @param wanted whether it has the right `Upgrade` and `Connection` fields.
 * @param fields those, for the message.
 */
export function checkUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  wanted: boolean,
  fields: string,
  { clock, timeout }: RefusalTiming,
): boolean {
  const message = !wanted
    ? `unable to upgrade: missing "Connection: Upgrade" or ${fields} in the request`
    : hasBody(req)
      ? 'unable to upgrade: an upgrade request must not have a body'
      : undefined;
  if (message === undefined) return true;
  refuseUpgrade(socket, 400, message, { timeout, ...(clock === undefined ? {} : { clock }) });
  return false;
}
