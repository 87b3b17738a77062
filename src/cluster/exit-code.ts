import { constants } from 'node:os';

/** What a process ended with, as a shell counts it: the exit code, or 128 and the number of the signal. */
export function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code;
  return 128 + (signalNumber(signal) ?? 0);
}

/** The number of a signal on this system. */
export function signalNumber(signal: NodeJS.Signals | null): number | undefined {
  return signal === null ? undefined : constants.signals[signal];
}
