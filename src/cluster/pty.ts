import { Socket } from 'node:net';
import { TrunklineError } from '../errors/index.js';

/** A program in a pseudo-terminal, as far as it is used here; what `@lydell/node-pty` gives. */
export interface PtyProcess {
  readonly pid: number;
  onData(listener: (data: string | Buffer) => void): unknown;
  onExit(listener: (end: { exitCode: number; signal?: number }) => void): unknown;
  write(data: string | Buffer): void;
  resize(columns: number, rows: number): void;
  pause(): void;
  resume(): void;
}

/** How a program is started in a pseudo-terminal. */
export interface PtyOptions {
  readonly name: string;
  readonly cols: number;
  readonly rows: number;
  readonly cwd: string;
  readonly env: Record<string, string>;
  /** `null` for bytes. */
  readonly encoding: null;
}

interface PtyModule {
  spawn(file: string, args: string[], options: PtyOptions): PtyProcess;
}

/** The optional package for terminals is not installed, or not for this system. */
export class TerminalUnavailableError extends TrunklineError {
  readonly code = 'ERR_TERMINAL_UNAVAILABLE';
}

/**
 * Loads the optional package for terminals.
 *
 * @throws TerminalUnavailableError that tells how to install it.
 */
export async function loadPty(): Promise<PtyModule> {
  try {
    const loaded = await import('@lydell/node-pty');
    return loaded.default ?? loaded;
  } catch (cause) {
    throw new TerminalUnavailableError(
      'a terminal (-t) needs the optional package @lydell/node-pty, which could not be loaded; install it with: npm install @lydell/node-pty',
      { cause, initiator: 'local' },
    );
  }
}

/**
 * The socket inside a pseudo-terminal; `undefined` when there is none to be found.
 *
 * The package destroys it 200 ms after the program's end, although output may not have been read, and has no way to wait
 * for what was written. Reaching for it is the only way to do better; without it things work, less well.
 */
export function socketOf(terminal: PtyProcess): Socket | undefined {
  return '_socket' in terminal && terminal._socket instanceof Socket ? terminal._socket : undefined;
}
