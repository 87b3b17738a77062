import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { secureFraction } from '../../random/secure-fraction.js';
import { milliseconds } from '../../limits/option-values.js';
import type { WatchHandlerOptions } from './types.js';

const NAMES: OptionNames<WatchHandlerOptions> = {
  stream: true,
  wildcards: true,
  authorize: true,
  cors: true,
  allowedHosts: true,
  logger: true,
  writeTimeout: true,
  maxClients: true,
  maxClientsPerConnection: true,
  compression: true,
  clock: true,
  kind: true,
  apiVersion: true,
  toObject: true,
  watchType: true,
  minRequestTimeout: true,
  bookmarkInterval: true,
  maxListBytes: true,
  random: true,
};

/** What is of this handler alone, with nothing left open. */
export interface WatchSettings {
  readonly kind: string;
  readonly apiVersion: string;
  readonly minRequestTimeout: number;
  readonly bookmarkInterval: number;
  readonly maxListBytes: number;
  readonly random: () => number;
}

/** Fills in defaults and checks. @throws InvalidArgumentError */
export function resolveWatchOptions(options: WatchHandlerOptions): WatchSettings {
  checkOptionNames('watchHandler', options, NAMES);
  const { kind = 'Event', apiVersion = 'push.trunkline.dev/v1', maxListBytes = 4 * 1024 * 1024 } = options;
  for (const [name, text] of Object.entries({ kind, apiVersion })) {
    if (typeof text !== 'string' || text === '') throw new InvalidArgumentError(`${name} must be text`);
  }
  for (const name of ['toObject', 'watchType', 'random'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') {
      throw new InvalidArgumentError(`${name} must be a function`);
    }
  }
  if (!Number.isSafeInteger(maxListBytes) || maxListBytes < 1) {
    throw new InvalidArgumentError(`maxListBytes must be a whole number of bytes above 0, not ${String(maxListBytes)}`);
  }
  return {
    kind,
    apiVersion,
    maxListBytes,
    minRequestTimeout: milliseconds('minRequestTimeout', options.minRequestTimeout ?? 1_800_000),
    bookmarkInterval: milliseconds('bookmarkInterval', options.bookmarkInterval ?? 30_000),
    random: options.random ?? secureFraction,
  };
}
