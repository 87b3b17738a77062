import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** The program cannot be started. The message is the one that container runtimes give. */
export class CommandNotFoundError extends Error {
  constructor(command: string, why: string) {
    super(`exec: ${JSON.stringify(command)}: ${why}`);
    this.name = 'CommandNotFoundError';
  }
}

/**
 * Finds the file of a program as a shell does: a name is looked up on `path`, anything with a slash is relative to `cwd`.
 *
 * @throws CommandNotFoundError in the words of Go's `os/exec`, which runc uses.
 */
export function lookUpCommand(command: string, path: string, cwd: string): string {
  if (command.includes('\0') || command === '') throw new CommandNotFoundError(command, 'invalid argument');
  if (command.includes('/')) {
    const file = isAbsolute(command) ? command : join(cwd, command);
    const problem = problemOf(file);
    if (problem !== undefined) throw new CommandNotFoundError(command, problem);
    return file;
  }
  let denied = false;
  for (const directory of path.split(':')) {
    if (directory === '') continue;
    const file = join(isAbsolute(directory) ? directory : join(cwd, directory), command);
    const problem = problemOf(file);
    if (problem === undefined) return file;
    denied ||= problem === 'permission denied';
  }
  throw new CommandNotFoundError(command, denied ? 'permission denied' : 'executable file not found in $PATH');
}

function problemOf(file: string): string | undefined {
  try {
    if (statSync(file).isDirectory()) return 'is a directory';
    accessSync(file, constants.X_OK);
    return undefined;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'EACCES' || code === 'EPERM' ? 'permission denied' : 'no such file or directory';
  }
}
