import type { Clock } from '../clock/clock.js';
import { signalGroup } from './process-groups.js';

/** Milliseconds that a command has to end after its client is gone. */
const GRACE = 2_000;

/**
 * Once `signal` aborts, the client being gone, hangs up on a process group, and kills what is left of it after a grace
 * period. Returns how to call this off.
 */
export function hangUpOnAbort(signal: AbortSignal, pid: number, clock: Clock, then: () => void): () => void {
  const hangUp = (): void => {
    signalGroup(pid, 'SIGHUP');
    // Not called off: whatever ignores the hang-up must go, also when its leader did not ignore it.
    clock.setTimeout(() => signalGroup(pid, 'SIGKILL'), GRACE);
    then();
  };
  if (signal.aborted) hangUp();
  else signal.addEventListener('abort', hangUp, { once: true });
  return () => signal.removeEventListener('abort', hangUp);
}
