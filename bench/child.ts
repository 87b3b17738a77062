import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Program } from './programs.js';

/** A running peer that prints JSON, one value a line. */
export interface Child {
  /** The next value it prints. Rejects when it ends without one, with what it wrote to stderr. */
  next(): Promise<unknown>;
  /** Writes a line to its stdin. */
  tell(line: string): void;
  /** Tells it that nobody needs it any more. */
  endInput(): void;
  /** Ends it at once, if it still runs, and resolves when it is gone. */
  kill(): Promise<void>;
}

const STDERR_BYTES = 4000;

/** Starts a peer, with `env` besides our environment. `signal` kills it. */
export function startChild(
  [command, ...first]: Program,
  args: readonly string[],
  env: Readonly<Record<string, string>> | undefined,
  signal: AbortSignal,
): Child {
  const child = spawn(command, [...first, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stderr = '';
  let failure: Error | undefined;
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_BYTES)));
  // A peer that is gone can be told nothing.
  child.stdin.on('error', () => {});
  const gone = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.on('error', (error) => {
      failure = error;
      resolve();
    });
  });
  const kill = async (): Promise<void> => {
    signal.removeEventListener('abort', abort);
    child.kill('SIGKILL');
    await gone;
  };
  const abort = (): void => void kill();
  signal.addEventListener('abort', abort);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const line = await lines.next();
      if (line.done !== true) return JSON.parse(line.value);
      await gone;
      signal.throwIfAborted();
      throw new Error(`${[command, ...first, ...args].join(' ')} failed:\n${stderr.trim()}`, { cause: failure });
    },
    tell: (line) => child.stdin.write(`${line}\n`),
    endInput: () => child.stdin.end(),
    kill,
  };
}
