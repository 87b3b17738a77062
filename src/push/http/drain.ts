import type { Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { milliseconds } from '../../limits/option-values.js';
import { secureFraction } from '../../random/secure-fraction.js';

/** How a handler lets go of its clients while the server goes away. */
export interface DrainOptions {
  /** Milliseconds over which they are ended, each at a random time of it, so that they do not come back at once. Default 0. */
  readonly over?: number;
  /** Ends those that are left at once. */
  readonly signal?: AbortSignal;
  /** Numbers in [0, 1). Default: the system's secure source. */
  readonly random?: () => number;
}

/** What `sseHandler` takes besides. */
export interface SSEDrainOptions extends DrainOptions {
  /**
   * Milliseconds after which clients connect again: each is told a random time from this to twice as much, which its next
   * connection may set anew. Default: they are told nothing.
   */
  readonly retry?: number;
}

const NAMES: OptionNames<DrainOptions> = { over: true, signal: true, random: true };

/** {@link DrainOptions} with nothing left open. */
export interface Drain {
  readonly over: number;
  readonly signal: AbortSignal | undefined;
  readonly random: () => number;
}

/** Checks and fills in. @throws InvalidArgumentError */
export function resolveDrainOptions(options: DrainOptions, names: Readonly<Record<string, true>> = NAMES): Drain {
  checkOptionNames('drain', options, names);
  const { over = 0, signal, random = secureFraction } = options;
  if (typeof random !== 'function') throw new InvalidArgumentError('random must be a function');
  return { over: milliseconds('over', over), signal, random };
}

/** As {@link resolveDrainOptions}, with what event streams have besides. @throws InvalidArgumentError */
export function resolveSSEDrainOptions(options: SSEDrainOptions): Drain & { readonly retry: number | undefined } {
  const resolved = resolveDrainOptions(options, { ...NAMES, retry: true });
  const { retry } = options;
  return { ...resolved, retry: retry === undefined ? undefined : Math.floor(milliseconds('retry', retry)) };
}

/** Times closer together than this are one. */
const SLICE = 20;
/** Milliseconds between looks at who is left. */
const LOOK = 250;

/** Whom {@link endInSlices} ends, and how. */
export interface Ending<T> {
  readonly clients: Iterable<T>;
  /** Whether a client is still there. */
  readonly remains: (client: T) => boolean;
  readonly end: (client: T) => void;
}

/**
 * Ends clients over a time, each at a random moment of it. Settles when all were told to end, or have left of themselves.
 */
export async function endInSlices<T>(
  { clients, remains, end }: Ending<T>,
  clock: Clock,
  { over, signal, random }: Drain,
): Promise<void> {
  const start = clock.now();
  const due = [...clients].map((client) => ({ client, at: start + random() * over })).toSorted((a, b) => a.at - b.at);
  let next = 0;
  while (next < due.length) {
    const now = signal?.aborted === true ? Infinity : clock.now();
    for (let one = due[next]; one !== undefined; one = due[next]) {
      const left = !remains(one.client);
      if (one.at > now && !left) break;
      next += 1;
      if (!left) end(one.client);
    }
    const following = due[next];
    if (following === undefined) return;
    const wait = Math.min(LOOK, Math.max(SLICE, following.at - clock.now()));
    await sleep(clock, wait, signal);
  }
}

/** Until the time has passed or the signal aborts. */
function sleep(clock: Clock, time: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, time);
    signal?.addEventListener('abort', done);
    if (signal?.aborted === true) done();
  });
}
