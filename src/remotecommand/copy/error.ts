import { TrunklineError, type TrunklineErrorOptions } from '../../errors/index.js';

/**
 * What kept a copy from being made:
 * - `remote-command`: tar, or another command in the container, failed; `stderr` and `exitCode` tell how;
 * - `local-file`: a file of this machine could not be read or written; `cause` is the system's error;
 * - `changed`: a source gave fewer or more bytes than it had said;
 * - `bad-archive`: what came is not a whole archive of what was asked for;
 * - `unsafe-entry`: the archive names a place outside the destination.
 */
export type CopyFailure = 'remote-command' | 'local-file' | 'changed' | 'bad-archive' | 'unsafe-entry';

/** What is known beside the message. */
export interface CopyErrorOptions extends TrunklineErrorOptions {
  readonly path?: string;
  readonly stderr?: string;
  readonly exitCode?: number;
}

/** A copy was not made, or not whole. The connection was fine: when it is lost, that is a ConnectionLostError. */
export class CopyError extends TrunklineError {
  readonly code = 'ERR_COPY';
  readonly reason: CopyFailure;
  /** The file or folder it is about, where there is one. */
  readonly path: string | undefined;
  /** What the command in the container wrote to stderr, the first 16 KiB. */
  readonly stderr: string;
  /** With which code it exited, where it ran. */
  readonly exitCode: number | undefined;

  constructor(reason: CopyFailure, message: string, options: CopyErrorOptions = {}) {
    super(message, options);
    this.reason = reason;
    this.path = options.path;
    this.stderr = options.stderr ?? '';
    this.exitCode = options.exitCode;
  }
}

/** Tells which local file a system error is about. */
export function localFailure(path: string, cause: unknown): CopyError {
  if (cause instanceof CopyError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new CopyError('local-file', message, { cause, path, initiator: 'local' });
}

/** Runs what touches a local file, and makes its errors CopyErrors. */
export async function local<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw localFailure(path, cause);
  }
}
