import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { projectRoot } from '../../support/project-root.js';

const goFolder = join(projectRoot, 'test', 'interop', 'go');
const binFolder = join(goFolder, 'bin');

/** The Go peers. `execclient-0.32` is execclient built with client-go 0.32, of kubectl 1.32's age. */
export type GoProgram =
  | 'base64client'
  | 'execclient'
  | 'execclient-0.32'
  | 'execserver'
  | 'httpstreampeer'
  | 'podinformer'
  | 'portforwardclient'
  | 'portforwardserver'
  | 'pushgrpc'
  | 'pushwebsocket'
  | 'spdypeer'
  | 'watchclient'
  | 'sseclient'
  | 'websocketyamux'
  | 'yamuxheaders'
  | 'yamuxpeer';

let built = false;

/**
 * Builds the Go peers; quick when nothing changed. Without Go there is nothing to test against, so that is an error and
 * not a reason to skip.
 */
export function buildGoPrograms(): void {
  if (built) return;
  go(['build', '-p', '2', '-o', 'bin/', './cmd/...']);
  const old = ['-modfile=clientgo032.mod', '-tags', 'clientgo032', '-o', 'bin/execclient-0.32', './cmd/execclient'];
  go(['build', '-p', '2', ...old]);
  built = true;
}

function go(args: readonly string[]): void {
  const { error, status, stderr } = spawnSync('go', args, { cwd: goFolder, encoding: 'utf8' });
  if (error !== undefined) throw new Error('the interop tests need Go 1.26 or later on PATH', { cause: error });
  if (status !== 0) throw new Error(`go ${args.join(' ')} failed:\n${stderr}`);
}

/** What a finished Go program printed. */
export interface GoOutput<T> {
  readonly lines: readonly T[];
  readonly status: number | null;
  readonly stderr: string;
}

/** Runs a Go program to its end, with `stdin` as its whole input; kills it after `timeout` milliseconds. */
export async function runGo<T>(
  program: GoProgram,
  args: readonly string[],
  options: { readonly stdin?: string | Uint8Array; readonly timeout?: number } = {},
): Promise<GoOutput<T>> {
  const running = startGo<T>(program, args, options.timeout);
  running.process.stdin?.end(options.stdin);
  return await running.finished;
}

/** The same for a program that prints exactly one line; fails when it prints another number, or fails itself. */
export async function runGoOnce<T>(
  program: GoProgram,
  args: readonly string[],
  options: { readonly stdin?: string | Uint8Array; readonly timeout?: number } = {},
): Promise<T> {
  const { lines, status, stderr } = await runGo<T>(program, args, options);
  const [line] = lines;
  if (status !== 0 || line === undefined || lines.length !== 1) {
    throw new Error(`${program} ${args.join(' ')}: status ${status}, ${lines.length} lines\n${stderr}`);
  }
  return line;
}

/** A Go program that is still running. */
export interface RunningGo<T> {
  readonly process: ChildProcess;
  readonly lines: readonly T[];
  /** Settles when the program has ended and its output is read. */
  readonly finished: Promise<GoOutput<T>>;
  /** Resolves with the first line, now or later, that passes. Rejects when the program ends without. */
  line(passes: (line: T) => boolean): Promise<T>;
}

export function startGo<T>(program: GoProgram, args: readonly string[], timeout = 60_000): RunningGo<T> {
  buildGoPrograms();
  const child = spawn(join(binFolder, program), args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  // A program that does not read its input may be gone before it is written.
  child.stdin.on('error', () => {});
  const lines: T[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text) as T);
    for (const look of waiting) look();
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const finished = once(child, 'close').then(() => ({ lines, status: child.exitCode, stderr }));
  return {
    process: child,
    lines,
    finished,
    line: (passes) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find(passes);
          if (found === undefined) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
        void finished.then((output) =>
          reject(new Error(`${program} ended before the expected line: ${output.stderr}`)),
        );
      }),
  };
}

/** A Go server that listens at `address`. */
export interface GoServer<T> extends AsyncDisposable {
  readonly address: string;
  readonly running: RunningGo<T>;
  /** Ends the server and returns all it printed. */
  stop(): Promise<GoOutput<T>>;
}

/** Starts a Go server and waits until it listens. */
export async function startGoServer<T>(
  program: GoProgram,
  args: readonly string[],
  timeout = 600_000,
): Promise<GoServer<T>> {
  const running = startGo<T>(program, args, timeout);
  const stop = async (): Promise<GoOutput<T>> => {
    running.process.stdin?.end();
    return await running.finished;
  };
  const first = await running.line(() => true);
  const { addr } = first as { addr?: string };
  if (addr === undefined) throw new Error(`${program} did not say where it listens: ${JSON.stringify(first)}`);
  return {
    address: addr,
    running,
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop();
    },
  };
}
