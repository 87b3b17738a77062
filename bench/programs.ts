import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { BroadcastRun, FanOutRun, PairRun, Run } from './cases/types.js';

const run = promisify(execFile);

const GO_MISSING =
  'the comparisons with programs in Go need Go (https://go.dev/dl/), and there is no `go` on the PATH; install it, or ' +
  'leave them out with --no-go';
const C_MISSING =
  'Server-Sent Events are measured with a client in C, which needs a C compiler, and there is no `cc` on the PATH; ' +
  'install gcc or clang, or leave these cases out with --only';
const C_NEEDS_LINUX =
  'Server-Sent Events are measured with epoll and /proc, which only Linux has; leave them out with --only';

/** A command that runs one end of a benchmark when given the rest of its command line. */
export type Program = readonly [command: string, ...args: string[]];

/** All that runs may need. */
export interface Programs {
  /** One end of a pair. */
  readonly pair: Readonly<Record<PairRun['peer'], Program | undefined>>;
  /** Servers with many clients. */
  readonly fanOut: Readonly<Record<FanOutRun['peer'], Program | undefined>>;
  /** Pods. */
  readonly broadcast: Readonly<Record<BroadcastRun['peer'], Program | undefined>>;
  /** The many clients. */
  readonly clients: Program | undefined;
}

/** Builds what these runs need. @throws Error that says what to do when a compiler is missing, or when a build fails. */
export async function programsFor(runs: readonly Run[], signal: AbortSignal): Promise<Programs> {
  const needs = (kind: Run['kind'], peer?: Run['peer']): boolean =>
    runs.some((one) => one.kind === kind && (peer ?? one.peer) === one.peer);
  return {
    pair: { node: nodeProgram('main.js'), go: needs('pair', 'go') ? await buildGo('gobench', '.', signal) : undefined },
    fanOut: {
      node: nodeProgram('sse-main.js', '--expose-gc'),
      go: needs('fan-out', 'go') ? await buildGo('gofanout', './fanout', signal) : undefined,
      c: needs('fan-out', 'c') ? await buildC('server', signal) : undefined,
    },
    broadcast: {
      node: nodeProgram('bus-main.js'),
      go: needs('broadcast', 'go') ? await buildGo('gobus', './bus', signal) : undefined,
    },
    clients: needs('fan-out') ? await buildC('client', signal) : undefined,
  };
}

function nodeProgram(file: string, ...flags: readonly string[]): Program {
  return [process.execPath, ...flags, fileURLToPath(new URL(`peer/${file}`, import.meta.url))];
}

/** The folder of sources that `file` is in; this module runs from a build folder. */
function sourceFolder(name: string, file: string): string {
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'bench', name, file))) return join(folder, 'bench', name);
    if (folder === dirname(folder)) throw new Error(`bench/${name} is missing`);
  }
}

async function buildGo(name: string, path: string, signal: AbortSignal): Promise<Program> {
  const folder = sourceFolder('go', 'go.mod');
  const binary = join(folder, 'bin', name);
  await build('go', ['build', '-o', binary, path], folder, binary, GO_MISSING, signal);
  return [binary];
}

async function buildC(name: 'client' | 'server', signal: AbortSignal): Promise<Program> {
  if (process.platform !== 'linux') throw new Error(C_NEEDS_LINUX);
  const folder = sourceFolder('c', 'common.h');
  const binary = join(folder, 'bin', `sse-${name}`);
  await mkdir(dirname(binary), { recursive: true });
  await build('cc', ['-O2', '-Wall', '-o', binary, `${name}.c`], folder, binary, C_MISSING, signal);
  return [binary];
}

/** Where there is no such compiler, what was built before will do. */
async function build(
  compiler: string,
  args: readonly string[],
  folder: string,
  binary: string,
  missing: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await run(compiler, args, { cwd: folder, signal });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw new Error(`${binary} could not be built`, { cause: error });
    }
    if (!existsSync(binary)) throw new Error(missing, { cause: error });
  }
}
