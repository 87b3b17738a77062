import { systemWallClock, type WallClock } from '../clock/wall.js';
import type { Logger } from '../logger/logger.js';

/** Which lines are written: those of this level and of graver ones. */
export type LogLevel = keyof Logger;

/** All levels, the least grave first. */
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** How lines are written. */
export interface LineLoggerOptions {
  /** Default `info`. */
  readonly level?: LogLevel;
  readonly wallClock?: WallClock;
}

/** Makes a line of what is told. */
type Format = (time: Date, level: LogLevel, fields: object, message: string) => string;

/** Deeper than this is left out. */
const DEPTH = 6;

/** One JSON document per line: `time`, `level`, `msg` and the fields. */
export function jsonLogger(write: (line: string) => void, options: LineLoggerOptions = {}): Logger {
  return lineLogger(write, options, (time, level, fields, message) =>
    JSON.stringify({ time: time.toISOString(), level, msg: message, ...plainObject(fields, DEPTH) }),
  );
}

/** Lines for people. */
export function textLogger(write: (line: string) => void, options: LineLoggerOptions = {}): Logger {
  return lineLogger(write, options, (time, level, fields, message) => {
    const pairs = Object.entries(plainObject(fields, DEPTH))
      .filter(([, value]) => value !== undefined)
      .map(
        ([name, value]) =>
          `  ${name}=${typeof value === 'string' && !/[\s"]/.test(value) ? value : JSON.stringify(value)}`,
      );
    return oneLine(`${time.toISOString().slice(11, 23)} ${level.padEnd(5)} ${message}${pairs.join('')}`);
  });
}

function lineLogger(write: (line: string) => void, options: LineLoggerOptions, format: Format): Logger {
  const { level: least = 'info', wallClock = systemWallClock } = options;
  const at =
    (level: LogLevel) =>
    (fields: object, message: string): void => {
      if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return;
      write(`${format(wallClock.now(), level, fields, message)}\n`);
    };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function plainObject(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value, depth - 1)]));
}

/** What JSON can hold of a value, errors with their message and code. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function') return String(value);
  if (typeof value !== 'object' || value === null) return value;
  if (depth <= 0) return '…';
  if (value instanceof Error) {
    const { message, stack, cause } = value;
    const code = 'code' in value ? { code: plain(value.code, 1) } : {};
    return { message, ...code, stack, ...(cause === undefined ? {} : { cause: plain(cause, depth - 1) }) };
  }
  if (Array.isArray(value)) return value.map((one) => plain(one, depth - 1));
  return plainObject(value, depth);
}

/** Line breaks in what others have sent would forge lines. */
function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
