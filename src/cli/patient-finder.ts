import type { Clock } from '../clock/clock.js';
import { InvalidArgumentError, MissingPackageError } from '../errors/index.js';
import { KubernetesAPIError } from '../kubernetes/api-error.js';
import type { Logger } from '../logger/logger.js';
import { Backoff } from '../mesh/discovery/backoff.js';
import { pause } from '../mesh/discovery/pause.js';
import type { FindOptions, Peer, PeerFinder } from '../mesh/discovery/types.js';

/** Waits between attempts to find peers for the first time. */
const RETRY = { min: 500, max: 15_000 };

/** What is wrong with files. */
const FILE_CODES: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES']);

/** What a {@link PatientPeerFinder} needs. */
export interface PatientOptions {
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/**
 * Asks a finder again when the very first question fails for a reason that passes: an API server or a name server that is away
 * while a pod starts is no reason to crash. What a person has to put right fails at once.
 */
export class PatientPeerFinder implements PeerFinder {
  readonly #finder: PeerFinder;
  readonly #options: PatientOptions;

  constructor(finder: PeerFinder, options: PatientOptions) {
    this.#finder = finder;
    this.#options = options;
  }

  async *peers(options: FindOptions = {}): AsyncGenerator<readonly Peer[], void, undefined> {
    const { clock, random, logger } = this.#options;
    const signal = options.signal ?? new AbortController().signal;
    const backoff = new Backoff(RETRY, random);
    let found = false;
    while (!signal.aborted) {
      try {
        for await (const set of this.#finder.peers({ signal })) {
          found = true;
          yield set;
        }
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (found || isLasting(error)) throw error;
        const wait = Math.round(backoff.next());
        const reason = error instanceof Error ? error.message : String(error);
        logger.warn({ error: reason, wait }, 'the other pods cannot be found yet; asking again');
        await pause(wait, clock, signal);
      }
    }
  }
}

/**
 * Whether an API server was looked for where client-node does without any configuration: on port 8080 of this machine, over
 * HTTP, which it refuses.
 */
export function isNoKubeConfig(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.message.startsWith('HTTP protocol is not allowed')) return true;
  return 'code' in error && error.code === 'ECONNREFUSED' && 'port' in error && error.port === 8080;
}

/** Whether asking again is of no use. */
function isLasting(error: unknown): boolean {
  if (error instanceof KubernetesAPIError) {
    return error.statusCode >= 400 && error.statusCode < 500 && error.statusCode !== 408 && error.statusCode !== 429;
  }
  if (isNoKubeConfig(error)) return true;
  // A kubeconfig, or a file that it names.
  if (error instanceof Error && 'code' in error && FILE_CODES.has(String(error.code))) return true;
  return error instanceof InvalidArgumentError || error instanceof MissingPackageError || error instanceof SyntaxError;
}
