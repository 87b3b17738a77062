import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const GO_MISSING =
  'the comparisons with hashicorp/yamux and moby/spdystream need Go (https://go.dev/dl/), and there is no `go` on the ' +
  'PATH; install it, or leave them out with --no-go';

/** A command that runs one end of a benchmark when given the rest of its command line. */
export type Program = readonly [command: string, ...args: string[]];

/** Our own peer. */
export const nodePeer: Program = [process.execPath, fileURLToPath(new URL('peer/main.js', import.meta.url))];

function goFolder(): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'bench', 'go', 'go.mod'))) return join(folder, 'bench', 'go');
    if (folder === dirname(folder)) throw new Error('bench/go is missing');
  }
}

/**
 * Builds the Go peer, with the Go on the PATH; where there is none, takes one that was built before.
 *
 * @throws Error that says what to do when there is neither, or when the build fails.
 */
export async function buildGoPeer(signal: AbortSignal): Promise<Program> {
  const folder = goFolder();
  const binary = join(folder, 'bin', 'gobench');
  try {
    await run('go', ['build', '-o', binary, '.'], { cwd: folder, signal });
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!missing) throw new Error('the Go peer in bench/go could not be built', { cause: error });
    if (!existsSync(binary)) throw new Error(GO_MISSING, { cause: error });
  }
  return [binary];
}
