import { systemClock } from '../clock/clock.js';
import { deferred } from '../remotecommand/deferred.js';

/** Orderly stopping by signals. */
export interface Stopping {
  /** Aborts at the first signal, as long as nothing has started. */
  readonly signal: AbortSignal;
  /** Settles at the first signal. */
  readonly requested: Promise<void>;
  /** Start-up is over: from now on `requested` alone tells of a signal. */
  started(): void;
  /** What to do at a second signal, right before the process exits. */
  onForce(force: () => void): void;
}

/** Signals within this many milliseconds are one: npm passes on a Ctrl-C that the terminal has sent to everyone. */
const TOGETHER = 500;

/** Listens to SIGINT, SIGTERM and SIGHUP: the first asks to stop, a later one forces it. */
export function stopOnSignals(): Stopping {
  const startup = new AbortController();
  let starting = true;
  let first: number | undefined;
  let force: (() => void) | undefined;
  const requested = deferred<void>();
  const receive = (): void => {
    const now = systemClock.now();
    if (first === undefined) {
      first = now;
      requested.resolve();
      if (starting) startup.abort();
    } else if (now - first > TOGETHER) {
      force?.();
      process.exit(130);
    }
  };
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, receive);
  return {
    signal: startup.signal,
    requested: requested.promise,
    started: () => {
      starting = false;
    },
    onForce: (action) => {
      force = action;
    },
  };
}
