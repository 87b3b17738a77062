import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Installs a Debian package when its program is missing. Without it there is nothing to test against: an error. */
export function ensureProgram(path: string, debianPackage: string): void {
  if (existsSync(path)) return;
  apt(['update']);
  apt(['install', '-y', '--no-install-recommends', debianPackage]);
  if (!existsSync(path)) throw new Error(`apt-get install ${debianPackage} left no ${path}`);
}

function apt(args: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { error, status, stderr } = spawnSync('apt-get', args, { encoding: 'utf8', env });
  if (error !== undefined) throw new Error('a program is missing, and apt-get to install it', { cause: error });
  if (status !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${stderr}`);
}
