import { InvalidArgumentError } from '../../errors/index.js';

/**
 * Checks that what a handler serves is a log, for programs without types: options in its place would fail each request.
 *
 * @throws InvalidArgumentError
 */
export function checkLog(what: string, log: unknown): void {
  const is =
    typeof log === 'object' &&
    log !== null &&
    'follow' in log &&
    typeof log.follow === 'function' &&
    'clock' in log &&
    typeof log.clock === 'object';
  if (!is) throw new InvalidArgumentError(`${what} needs an EventLog first: ${what}(log)`);
}
