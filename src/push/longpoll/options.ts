import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import type { LongPollOptions } from './types.js';

const NAMES: OptionNames<LongPollOptions> = {
  prefix: true,
  action: true,
  timeout: true,
  ahead: true,
  maxAnswerBytes: true,
  authorize: true,
  cors: true,
  allowedHosts: true,
  logger: true,
  writeTimeout: true,
  maxClients: true,
  maxClientsPerConnection: true,
  clock: true,
};

/** What is of this handler alone, with nothing left open. */
export interface LongPollSettings {
  readonly prefix: string;
  readonly timeout: number;
  readonly ahead: 'refuse' | 'wait';
  readonly maxAnswerBytes: number;
}

/** Fills in defaults and checks. @throws InvalidArgumentError */
export function resolveLongPollOptions(options: LongPollOptions): LongPollSettings {
  checkOptionNames('longPollHandler', options, NAMES);
  const { prefix = '/v2/keys', action, timeout = 0, ahead = 'refuse', maxAnswerBytes = 4 * 1024 * 1024 } = options;
  if (typeof prefix !== 'string' || !/^(?:\/[^?#]*[^/?#])?$/.test(prefix)) {
    throw new InvalidArgumentError(
      `prefix must be empty or a path that begins with / and does not end so, not ${prefix}`,
    );
  }
  if (action !== undefined && typeof action !== 'function') throw new InvalidArgumentError('action must be a function');
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw new InvalidArgumentError(`timeout must be a number of milliseconds from 0, not ${String(timeout)}`);
  }
  if (ahead !== 'refuse' && ahead !== 'wait') {
    throw new InvalidArgumentError(`ahead must be refuse or wait, not ${String(ahead)}`);
  }
  if (!Number.isSafeInteger(maxAnswerBytes) || maxAnswerBytes < 1) {
    throw new InvalidArgumentError(
      `maxAnswerBytes must be a whole number of bytes above 0, not ${String(maxAnswerBytes)}`,
    );
  }
  return { prefix, timeout: Number.isFinite(timeout) ? timeout : 0, ahead, maxAnswerBytes };
}
