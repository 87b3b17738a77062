// Runs the command of an exec session as a child process; shared by the exec servers in this folder.
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** @param {import('trunkline/remotecommand').RemoteCommandSession} session */
export async function runCommand({ command, stdin, stdout, stderr, signal }) {
  const [program, ...args] = command;
  if (program === undefined) throw new Error('no command given');
  const child = spawn(program, args, { signal, killSignal: 'SIGKILL' });
  // Whoever does not ask for a stream gets none; its data must not pile up either.
  if (stdin) stdin.pipe(child.stdin);
  else child.stdin.end();
  if (stdout) child.stdout.pipe(stdout, { end: false });
  else child.stdout.resume();
  if (stderr) child.stderr.pipe(stderr, { end: false });
  else child.stderr.resume();
  child.stdin.on('error', () => {});
  const [code] = await once(child, 'close');
  return code ?? 137;
}
