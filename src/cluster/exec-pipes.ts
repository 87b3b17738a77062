import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import type { RemoteCommandResult, RemoteCommandSession } from '../remotecommand/index.js';
import { hangUpOnAbort } from './abandon.js';
import type { ExecTarget, Program } from './exec.js';
import { exitCodeOf } from './exit-code.js';
import { OutputDrain } from './output-drain.js';

/** Runs a command with pipes for its input and output. */
export async function execWithPipes(
  session: RemoteCommandSession,
  { file, name, args }: Program,
  target: ExecTarget,
  clock: Clock,
): Promise<RemoteCommandResult> {
  const { stdin, stdout, stderr, signal } = session;
  const child = spawn(file, args, {
    cwd: target.cwd,
    env: target.env,
    argv0: name,
    detached: true,
    stdio: [stdin ? 'pipe' : 'ignore', stdout ? 'pipe' : 'ignore', stderr ? 'pipe' : 'ignore'],
  });
  const exited = new Promise<number>((resolve, reject) => {
    child.once('exit', (code, signalName) => resolve(exitCodeOf(code, signalName)));
    child.once('error', reject);
  });
  const { pid } = child;
  if (pid !== undefined) target.groups.add(pid);
  if (stdin && child.stdin) feed(stdin, child.stdin);
  const drains = [
    ...(stdout && child.stdout ? [new OutputDrain(child.stdout, stdout)] : []),
    ...(stderr && child.stderr ? [new OutputDrain(child.stderr, stderr)] : []),
  ];
  const callOff =
    pid === undefined
      ? () => {}
      : hangUpOnAbort(signal, pid, clock, () => {
          for (const drain of drains) drain.abandon();
        });
  try {
    const code = await exited;
    target.groups.leaderExited();
    await Promise.all(drains.map((drain) => drain.finish(clock)));
    return code;
  } catch (error) {
    return new Error(`failed to exec in container: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    callOff();
    child.stdin?.destroy();
  }
}

/** Copies the client's input to the command, half-close included. A command that takes no more is left alone. */
function feed(source: Readable, sink: Writable): void {
  sink.on('error', () => {
    source.unpipe(sink);
    source.resume();
  });
  source.on('error', () => sink.destroy());
  source.pipe(sink);
}
