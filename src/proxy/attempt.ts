import { TimeoutError, TrunklineError } from '../errors/index.js';
import type { ProxySettings } from './options.js';

/** The caller went away: there is nobody to answer. */
export class CallerGoneError extends TrunklineError {
  readonly code = 'ERR_PROXY_CALLER_GONE';

  constructor() {
    super('the caller went away', { initiator: 'remote' });
  }
}

/** What is done for a caller who waits for an answer: it ends at a deadline, or when the caller goes away. */
export interface Attempt {
  readonly signal: AbortSignal;
  /** The caller went away. */
  readonly abandon: () => void;
  /** The answer is there: the deadline no longer counts. */
  readonly settle: () => void;
}

/** Starts the clock of an attempt to reach a backend: `limits.upgradeTimeout`. */
export function startAttempt({ clock, limits: { upgradeTimeout } }: ProxySettings): Attempt {
  const controller = new AbortController();
  const timer = clock.setTimeout(() => {
    const message = `no answer from the backend within ${upgradeTimeout} ms`;
    controller.abort(new TimeoutError(message, upgradeTimeout, { initiator: 'remote' }));
  }, upgradeTimeout);
  const settle = (): void => timer.cancel();
  return {
    signal: controller.signal,
    settle,
    abandon: () => {
      settle();
      controller.abort(new CallerGoneError());
    },
  };
}

/** Waits for work that does not know the signal. @throws its reason. */
export async function until<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const settled = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true, signal: settled.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    settled.abort();
  }
}
