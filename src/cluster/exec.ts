import type { RemoteCommandResult, RemoteCommandSession } from '../remotecommand/index.js';
import type { Clock } from '../clock/clock.js';
import { execInTerminal } from './exec-terminal.js';
import { execWithPipes } from './exec-pipes.js';
import { CommandNotFoundError, lookUpCommand } from './lookup.js';
import type { ProcessGroups } from './process-groups.js';

/** Where a command runs. */
export interface ExecTarget {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Takes charge of the command's process group. */
  readonly groups: ProcessGroups;
}

/** A program that was found, and its arguments. */
export interface Program {
  readonly file: string;
  /** What the program was called. */
  readonly name: string;
  readonly args: readonly string[];
}

/**
 * Runs a session's command beside a pod's main process. Resolves with the exit code when the command is over and its
 * output was handed over; with an error, as containerd reports it, when there is no such program.
 */
export async function exec(
  session: RemoteCommandSession,
  target: ExecTarget,
  clock: Clock,
): Promise<RemoteCommandResult> {
  const [name = '', ...args] = session.command;
  let file: string;
  try {
    // No system can pass it on: one way of starting would throw, the other cut the argument there.
    if (args.some((arg) => arg.includes('\0'))) throw new CommandNotFoundError(name, 'invalid argument');
    file = lookUpCommand(name, target.env['PATH'] ?? '', target.cwd);
  } catch (error) {
    if (!(error instanceof CommandNotFoundError)) throw error;
    return new Error(`failed to exec in container: unable to start container process: ${error.message}`);
  }
  const program = { file, name, args };
  return session.tty ? execInTerminal(session, program, target, clock) : execWithPipes(session, program, target, clock);
}
