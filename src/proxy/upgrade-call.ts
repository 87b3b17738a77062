import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { absorbErrors } from '../httpstream/index.js';
import { admitUpgrade } from './admission.js';
import { CallerGoneError, startAttempt, until, type Attempt } from './attempt.js';
import { HeldSocket } from './held-socket.js';
import { isAnswering } from './open-calls.js';
import type { ProxySettings } from './options.js';
import { refusalOf, refuseOnSocket, stopped } from './refusal.js';

/** An upgrade request under way. Until `held` is released its socket belongs to nobody else. */
export interface UpgradeCall {
  readonly req: IncomingMessage;
  readonly socket: Duplex;
  readonly held: HeldSocket;
  readonly attempt: Attempt;
  readonly settings: ProxySettings;
}

/** What a server gives its `upgrade` listeners. Never throws. */
export type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Bytes that a caller may send ahead of the answer; more of them stay with the kernel. */
const MAX_HELD_BYTES = 64 * 1024;

/**
 * Makes a handler that checks an upgrade request and serves it. What `serve` throws before it has released the socket is
 * answered with an HTTP status and a Kubernetes Status, and the socket closed.
 */
export function upgradeHandler(settings: ProxySettings, serve: (call: UpgradeCall) => Promise<void>): UpgradeHandler {
  return (req, socket, head) => {
    // In this very tick, or an early reset would end the process.
    absorbErrors(socket);
    void answer(req, socket, head, settings, serve);
  };
}

async function answer(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  settings: ProxySettings,
  serve: (call: UpgradeCall) => Promise<void>,
): Promise<void> {
  if (isAnswering(req.socket)) {
    // An upgrade behind a request that is not answered yet: no answer to it would be understood.
    socket.destroy();
    return;
  }
  const attempt = startAttempt(settings);
  const done = settings.calls.add(() => socket.destroy());
  const held = new HeldSocket(socket, head, MAX_HELD_BYTES, attempt.abandon);
  try {
    if (settings.calls.stopped) throw stopped();
    await until(admitUpgrade(req, settings), attempt.signal);
    await serve({ req, socket, held, attempt, settings });
  } catch (error) {
    if (held.released || error instanceof CallerGoneError) {
      socket.destroy();
      return;
    }
    held.release();
    const refusal = refusalOf(error);
    if (refusal.code >= 500) settings.onError(error, req);
    refuseOnSocket(socket, refusal, settings);
  } finally {
    attempt.settle();
    done();
  }
}
