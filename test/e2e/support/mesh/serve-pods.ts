import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { projectRoot } from '../../../support/project-root.js';

const MAIN = process.env['TRUNKLINE_MAIN'] ?? join(projectRoot, 'dist', 'cli', 'main.js');
const LOG_LINES = 400;

/** A run of `trunkline serve`. */
interface Run {
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

  /** Settles when the pod is ready. */
  async start(name: string): Promise<void> {
    const host = this.#hosts.get(name) ?? '';
    const peers = [...this.#hosts.values()].join(',');
    const child = spawn(
      process.execPath,
      [MAIN, 'serve', '--json', '--host', host, '--name', name, '--peers', `static:${peers}`, ...this.#flags],
      { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env['PATH'] } },
    );
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    const run = { child, exited };
    this.#runs.set(name, run);
    void exited.then(() => {
      if (this.#runs.get(name) === run) this.#runs.delete(name);
    });
    const ready = new Promise<void>((resolve, reject) => {
      createInterface(child.stdout).on('line', (line) => {
        this.#note(name, line);
        if ((JSON.parse(line) as { readonly msg?: string }).msg === 'ready') resolve();
      });
      void exited.then((code) => reject(new Error(`${name} ended with ${String(code)}:\n${this.log(40)}`)));
    });
    createInterface(child.stderr).on('line', (line) => this.#note(name, line));
    await ready;
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

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#runs.keys()].map(async (name) => await this.stop(name, 'SIGKILL')));
  }

  #note(name: string, line: string): void {
    this.#log.push(`${name} ${line}`);
    if (this.#log.length > LOG_LINES) this.#log.splice(0, this.#log.length - LOG_LINES);
  }
}
