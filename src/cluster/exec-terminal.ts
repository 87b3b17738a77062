import type { Socket } from 'node:net';
import type { Readable } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import type { RemoteCommandResult, RemoteCommandSession, TerminalSize } from '../remotecommand/index.js';
import { hangUpOnAbort } from './abandon.js';
import type { ExecTarget, Program } from './exec.js';
import { innerOf, loadPty, TerminalUnavailableError, type PtyProcess } from './pty.js';
import { TerminalOutput } from './terminal-output.js';

/** Milliseconds to wait for the client's first size, so that the program starts with it. */
const SIZE_TIMEOUT = 300;
const DEFAULT_SIZE: TerminalSize = { width: 80, height: 24 };
const NEWLINE = 10;
const END_OF_TRANSMISSION = '\x04';

/** Runs a command in a pseudo-terminal. */
export async function execInTerminal(
  session: RemoteCommandSession,
  { file, args }: Program,
  target: ExecTarget,
  clock: Clock,
): Promise<RemoteCommandResult> {
  let pty: Awaited<ReturnType<typeof loadPty>>;
  try {
    pty = await loadPty();
  } catch (error) {
    if (error instanceof TerminalUnavailableError) return error;
    throw error;
  }
  const sizes = session.resizes[Symbol.asyncIterator]();
  const first = sizes.next();
  const { width, height } = (await firstSize(first, clock)) ?? DEFAULT_SIZE;
  if (session.signal.aborted) return new Error('the client is gone');
  const terminal = pty.spawn(file, [...args], {
    name: 'xterm',
    cols: width,
    rows: height,
    cwd: target.cwd,
    env: { ...target.env, TERM: 'xterm' },
    encoding: null,
  });
  target.groups.add(terminal.pid);
  const output = new TerminalOutput(terminal, session.stdout);
  const exited = new Promise<number>((resolve) => {
    terminal.onExit(({ exitCode, signal }) => resolve(signal === undefined || signal === 0 ? exitCode : 128 + signal));
  });
  if (session.stdin) type(session.stdin, terminal, innerOf(terminal)?.socket);
  void followSizes(first, sizes, terminal);
  const callOff = hangUpOnAbort(session.signal, terminal.pid, clock, () => output.abandon());
  const code = await exited;
  await output.finish();
  callOff();
  target.groups.leaderExited();
  return code;
}

async function firstSize(
  first: Promise<IteratorResult<TerminalSize, unknown>>,
  clock: Clock,
): Promise<TerminalSize | undefined> {
  const timeout = new Promise<undefined>((resolve) => {
    const timer = clock.setTimeout(() => resolve(undefined), SIZE_TIMEOUT);
    void first.then(() => timer.cancel());
  });
  const result = await Promise.race([first, timeout]);
  return result === undefined || result.done === true || !isUsable(result.value) ? undefined : result.value;
}

/** A terminal without columns or rows is none; clients that do not know their size say 0. */
function isUsable({ width, height }: TerminalSize): boolean {
  return width > 0 && height > 0;
}

async function followSizes(
  first: Promise<IteratorResult<TerminalSize, unknown>>,
  sizes: AsyncIterator<TerminalSize>,
  terminal: PtyProcess,
): Promise<void> {
  for (let next = await first; next.done !== true; next = await sizes.next()) {
    if (!isUsable(next.value)) continue;
    try {
      terminal.resize(next.value.width, next.value.height);
    } catch {
      // The program is over.
      return;
    }
  }
}

/** Copies the client's input to the terminal. Its end is typed as Ctrl-D: terminals have no other. */
function type(source: Readable, terminal: PtyProcess, socket: Socket | undefined): void {
  let lineStart = true;
  source.on('error', () => {});
  source.on('data', (chunk: Buffer) => {
    lineStart = chunk.at(-1) === NEWLINE || chunk.at(-1) === 13;
    if (socket === undefined) terminal.write(chunk);
    else if (socket.writable && !socket.write(chunk)) source.pause();
  });
  socket?.on('drain', () => source.resume());
  socket?.once('close', () => source.resume());
  source.once('end', () => {
    // In the middle of a line the first one only hands over what was typed so far.
    terminal.write(lineStart ? END_OF_TRANSMISSION : END_OF_TRANSMISSION.repeat(2));
  });
}
