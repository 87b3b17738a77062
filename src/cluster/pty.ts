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

/** The parts of a pseudo-terminal that the package keeps to itself. */
export interface InnerTerminal {
  readonly socket: Socket;
  /** Descriptor of our end; does not block. */
  readonly fd: number;
  /** Path of the program's end. */
  readonly path: string;
  /** Lets go of our end. */
  release(): void;
}

const inner = new WeakMap<PtyProcess, InnerTerminal>();

/**
 * What is inside a pseudo-terminal; `undefined` when it cannot be found: then things work, less well.
 *
 * The package destroys its socket 200 ms after the program's end although output may not have been read, tells of the
 * end only then, and has no way to wait for what was written. Once this was called, it tells of the end at once, and the
 * socket lives until `release`. Call it in the tick of the start.
 */
export function innerOf(terminal: PtyProcess): InnerTerminal | undefined {
  const known = inner.get(terminal);
  if (known !== undefined) return known;
  const found = findInner(terminal);
  if (found !== undefined) inner.set(terminal, found);
  return found;
}

function findInner(terminal: PtyProcess): InnerTerminal | undefined {
  if (!('_socket' in terminal && terminal._socket instanceof Socket)) return undefined;
  if (!('fd' in terminal && typeof terminal.fd === 'number')) return undefined;
  if (!('ptsName' in terminal && typeof terminal.ptsName === 'string')) return undefined;
  if (!('_emittedClose' in terminal)) return undefined;
  // The package then does not wait for the socket's end before it tells of the program's.
  terminal._emittedClose = true;
  const { _socket: socket, fd, ptsName: path } = terminal;
  return { socket, fd, path, release: () => void socket.destroy() };
}
