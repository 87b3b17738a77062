import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { pipeline } from 'node:stream/promises';
import type { RemoteCommandSession } from '../../../src/remotecommand/index.js';
import { digestOf, patternStream } from './pattern.js';

const running = new Set<ChildProcess>();

/** Child processes that have not ended. */
export function runningProcesses(): number {
  return running.size;
}

/**
 * Commands without a process: `pattern N` writes N bytes of the pattern, `digest` writes length and digest of stdin,
 * `sizes N` writes the first N terminal sizes.
 */
export function runBuiltIn(session: RemoteCommandSession): Promise<number> | undefined {
  const [name, count] = session.command;
  switch (name) {
    case 'pattern':
      return writePattern(session, Number(count));
    case 'digest':
      return writeDigest(session);
    case 'sizes':
      return writeSizes(session, Number(count));
    default:
      return undefined;
  }
}

async function writePattern(session: RemoteCommandSession, bytes: number): Promise<number> {
  if (session.stdout === undefined) return 1;
  await pipeline(patternStream(bytes), session.stdout, { end: false });
  return 0;
}

async function writeDigest(session: RemoteCommandSession): Promise<number> {
  if (session.stdin === undefined) return 1;
  session.stdout?.write(JSON.stringify(await digestOf(session.stdin)));
  return 0;
}

async function writeSizes(session: RemoteCommandSession, count: number): Promise<number> {
  let seen = 0;
  for await (const { width, height } of session.resizes) {
    session.stdout?.write(`${width}x${height}\n`);
    if (++seen === count) break;
  }
  return 0;
}

/** Runs the command as a local process, which ends with the session. */
export async function runProcess(session: RemoteCommandSession): Promise<number> {
  const [program = 'cat', ...args] = session.command;
  // A group of its own, so that what a shell started ends with it.
  const child = spawn(program, args, { stdio: 'pipe', detached: true });
  const ended = new Promise<number>((resolve) => {
    child.on('close', (code, signal) => resolve(code ?? 128 + numberOf(signal)));
    child.on('error', () => resolve(127));
  });
  const kill = (): void => {
    if (child.pid !== undefined) {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended meanwhile.
      }
    }
    // Unread output would keep the child from closing.
    child.stdout.destroy();
    child.stderr.destroy();
    child.stdin.destroy();
  };
  running.add(child);
  session.signal.addEventListener('abort', kill, { once: true });
  try {
    child.stdin.on('error', () => {});
    if (session.stdin === undefined) child.stdin.end();
    else session.stdin.pipe(child.stdin);
    session.stdin?.on('error', kill);
    if (session.stdout === undefined) child.stdout.resume();
    else child.stdout.pipe(session.stdout, { end: false });
    if (session.stderr === undefined) child.stderr.resume();
    else child.stderr.pipe(session.stderr, { end: false });
    return await ended;
  } finally {
    running.delete(child);
    session.signal.removeEventListener('abort', kill);
  }
}

function numberOf(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
