import { InvalidArgumentError } from '../../errors/index.js';
import { safeLogger, silentLogger, type Logger } from '../../logger/logger.js';

/** Warnings of one handler: what is in them may vary with each request. */
const MAX_WARNINGS = 16;

/** A logger that lacks a level would keep what is told there to itself. @throws InvalidArgumentError */
function checked(logger: Logger): Logger {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    if (typeof logger?.[level] !== 'function') throw new InvalidArgumentError(`logger lacks the function ${level}`);
  }
  return logger;
}

/**
 * The logger of a handler. Without one of the program's, errors, which are those of its hooks for the most part, are warnings
 * of the process: each once, and no more than 16 of them. Clients are told nothing of them, so that otherwise nobody would be.
 *
 * @throws InvalidArgumentError for a logger that lacks a level.
 */
export function handlerLogger(logger: Logger | undefined): Logger {
  if (logger !== undefined) return safeLogger(checked(logger));
  const told = new Set<string>();
  const error = (fields: object, message: string): void => {
    const cause = 'err' in fields ? fields.err : undefined;
    const text =
      cause === undefined ? message : `${message}: ${cause instanceof Error ? cause.message : String(cause)}`;
    if (told.has(text) || told.size >= MAX_WARNINGS) return;
    told.add(text);
    const detail = cause instanceof Error ? { detail: cause.stack ?? '' } : {};
    process.emitWarning(text, { type: 'TrunklineWarning', ...detail });
  };
  return safeLogger({ ...silentLogger, error });
}
