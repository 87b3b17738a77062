import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../support/project-root.js';

/** The line that `trunkline cluster --json` prints. */
export interface ClusterInfo {
  readonly apiServer: string;
  readonly dashboard: string;
  readonly pods: readonly {
    readonly name: string;
    readonly ip: string;
    readonly pid: number;
    readonly events: string;
  }[];
}

/** A cluster in a process of its own, as a user starts it. */
export interface ClusterProcess extends ClusterInfo {
  readonly process: ChildProcess;
  /** What it wrote to stderr so far. */
  readonly log: () => string;
  /** Sends SIGINT, as Ctrl-C does, and resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** Starts `trunkline cluster --json` on free ports. */
export async function startClusterProcess(args: readonly string[] = []): Promise<ClusterProcess> {
  const main = join(projectRoot, 'dist', 'cli', 'main.js');
  const child = spawn(process.execPath, [main, 'cluster', '--json', '--api-port', '0', '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const lines = createInterface(child.stdout);
  const line = await Promise.race([
    once(lines, 'line') as Promise<[string]>,
    exited.then(([code]) => Promise.reject(new Error(`the cluster exited with ${code}: ${log}`))),
  ]);
  const info = JSON.parse(line[0]) as ClusterInfo;
  return {
    ...info,
    process: child,
    log: () => log,
    async stop() {
      child.kill('SIGINT');
      return (await exited)[0];
    },
  };
}

/** Whether a process of this id runs (a zombie does not). */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
