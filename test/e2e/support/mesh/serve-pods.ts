import { spawn, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { projectRoot } from '../../../support/project-root.js';

/** That of the built package, or another one while that is not built. */
const MAIN = process.env['TRUNKLINE_MAIN'] ?? join(projectRoot, 'dist', 'cli', 'main.js');
const LOG_LINES = 400;

/** A run of `trunkline serve`. */
export interface Run {
  readonly child: ChildProcess;
  /** The exit code; null after a signal. */
  readonly exited: Promise<number | null>;
}

/** Pods that are processes of `trunkline serve`, each on an address of its own, told of one another. */
export class ServePods implements AsyncDisposable {
  readonly names: readonly string[];
  readonly #hosts: ReadonlyMap<string, string>;
  readonly #flags: readonly string[];
  readonly #runs = new Map<string, Run>();
  readonly #log: string[] = [];
  readonly #lines = new EventEmitter();

  /** @param network The first three bytes of the pods' addresses, in 127.0.0.0/8. */
  constructor(count: number, network: string, flags: readonly string[] = []) {
    this.names = Array.from({ length: count }, (_: unknown, index) => `pod-${'abcdefgh'[index]}`);
    this.#hosts = new Map(this.names.map((name, index) => [name, `${network}.${index + 1}`]));
    this.#flags = flags;
  }

  /** Base URL of each pod that runs. */
  get urls(): readonly string[] {
    return [...this.#runs.keys()].map((name) => this.url(name));
  }

  url(name: string): string {
    return `http://${this.#hosts.get(name)}:8000`;
  }

  /** The last lines that the pods have logged. */
  log(lines: number = LOG_LINES): string {
    return this.#log.slice(-lines).join('\n');
  }

  async startAll(): Promise<void> {
    await Promise.all(this.names.map(async (name) => await this.start(name)));
  }

  /** Settles when the pod is ready. `flags` come in place of those of all pods. */
  async start(name: string, flags: readonly string[] = this.#flags): Promise<void> {
    const { exited } = this.launch(name, flags);
    await Promise.race([
      this.logged(name, /"msg":"ready"/),
      exited.then((code) => Promise.reject(new Error(`${name} ended with ${String(code)}:\n${this.log(40)}`))),
    ]);
  }

  /** Settles when the pod logs a line of the kind, from now on. */
  async logged(name: string, pattern: RegExp): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = (from: string, line: string): void => {
        if (from !== name || !pattern.test(line)) return;
        this.#lines.off('line', look);
        resolve();
      };
      this.#lines.on('line', look);
    });
  }

  /** Starts a pod, and waits for nothing. */
  launch(name: string, flags: readonly string[]): Run {
    const host = this.#hosts.get(name) ?? '';
    const peers = [...this.#hosts.values()].join(',');
    const child = spawn(
      process.execPath,
      [MAIN, 'serve', '--json', '--host', host, '--name', name, '--peers', `static:${peers}`, ...flags],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } },
    );
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    const run: Run = { child, exited };
    this.#runs.set(name, run);
    void exited.then(() => {
      if (this.#runs.get(name) === run) this.#runs.delete(name);
    });
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on('line', (line) => this.#note(name, line));
    }
    return run;
  }

  /** Ends it with a signal; settles with its exit code when it is gone, and with how long it took in milliseconds. */
  async stop(
    name: string,
    signal: 'SIGKILL' | 'SIGTERM',
  ): Promise<{ readonly code: number | null; readonly took: number }> {
    const run = this.#runs.get(name);
    if (run === undefined) throw new Error(`${name} does not run`);
    const began = performance.now();
    run.child.kill(signal);
    const code = await run.exited;
    return { code, took: performance.now() - began };
  }

  /** Sends a signal, and waits for nothing. */
  signal(name: string, signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#runs.get(name)?.child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#runs.keys()].map(async (name) => await this.stop(name, 'SIGKILL')));
  }

  #note(name: string, line: string): void {
    this.#lines.emit('line', name, line);
    this.#log.push(`${name} ${line}`);
    if (this.#log.length > LOG_LINES) this.#log.splice(0, this.#log.length - LOG_LINES);
  }
}
