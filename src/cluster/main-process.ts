import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { exitCodeOf, signalNumber } from './exit-code.js';
import type { LogBuffer, OutputName } from './log-buffer.js';
import { lookUpCommand } from './lookup.js';
import { signalGroup } from './process-groups.js';

/** How a process ended. */
export interface ProcessEnd {
  readonly exitCode: number;
  readonly signal?: number;
}

/** What a process is started with. */
export interface ProcessSpec {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Takes what a process writes, as it writes it. */
export type OutputListener = (output: OutputName, chunk: Buffer) => void;

/** Milliseconds for pipes to run empty after everything that could write to them was killed. */
const DRAIN_TIMEOUT = 1_000;

/** One run of a pod's main process, in a process group of its own, with its output going to a log and to whoever is attached. */
export class MainProcess {
  readonly pid: number;
  readonly stdin: Writable;
  /** Settles when the process is over and all its output was taken. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #listeners = new Set<OutputListener>();
  #over = false;

  private constructor(
    child: ChildProcessByStdio<Writable, Readable, Readable>,
    pid: number,
    log: LogBuffer,
    clock: Clock,
  ) {
    this.pid = pid;
    this.stdin = child.stdin;
    // Several may be attached, each with its listeners.
    child.stdin.setMaxListeners(0);
    child.stdin.on('error', () => {});
    for (const output of ['stdout', 'stderr'] as const) {
      child[output].on('error', () => {});
      child[output].on('data', (chunk: Buffer) => {
        log.append(output, chunk);
        for (const listener of this.#listeners) listener(output, chunk);
      });
    }
    this.ended = new Promise((resolve) => {
      child.once('exit', () => {
        // As in a container, nothing outlives the main process.
        signalGroup(pid, 'SIGKILL');
        const timer = clock.setTimeout(() => {
          child.stdout.destroy();
          child.stderr.destroy();
        }, DRAIN_TIMEOUT);
        child.once('close', (code, signal) => {
          timer.cancel();
          this.#over = true;
          log.end();
          const number = signalNumber(signal);
          resolve({ exitCode: exitCodeOf(code, signal), ...(number === undefined ? {} : { signal: number }) });
        });
      });
    });
  }

  /**
   * Starts a process.
   *
   * @throws CommandNotFoundError, or the error of the operating system.
   */
  static async start(spec: ProcessSpec, log: LogBuffer, clock: Clock): Promise<MainProcess> {
    const [name = '', ...args] = spec.command;
    const file = lookUpCommand(name, spec.env['PATH'] ?? '', spec.cwd);
    const child = spawn(file, args, {
      cwd: spec.cwd,
      env: spec.env,
      argv0: name,
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
    });
    const { pid } = child;
    if (pid === undefined) throw await new Promise<Error>((resolve) => child.once('error', resolve));
    child.on('error', () => {});
    return new MainProcess(child, pid, log, clock);
  }

  /** Whether the process and its output are over. */
  get over(): boolean {
    return this.#over;
  }

  /** Calls back with all output from now on; returns how to stop. */
  listen(listener: OutputListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }
}
