import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { projectRoot } from '../../support/project-root.js';

const goFolder = join(projectRoot, 'test', 'interop', 'go');

/** A line that etcdwatcher prints: an event, an error of the server, or the end. */
export interface WatcherLine {
  readonly action?: string;
  readonly key?: string;
  readonly value?: string;
  readonly modified?: number;
  readonly created?: number;
  /** `X-Etcd-Index`, or the index of an error. */
  readonly index?: number;
  readonly cluster?: string;
  readonly errorCode?: number;
  readonly cause?: string;
  /** How often something else failed and was tried again. */
  readonly failures?: number;
}

/** Builds etcdwatcher, which has a module of its own, for etcd's v2 client is on its way out. */
export function buildEtcdWatcher(): void {
  const args = ['build', '-p', '2', '-o', '../bin/etcdwatcher', '.'];
  const { error, status, stderr } = spawnSync('go', args, { cwd: join(goFolder, 'etcdv2'), encoding: 'utf8' });
  if (error !== undefined) throw new Error('the interop tests need Go 1.26 or later on PATH', { cause: error });
  if (status !== 0) throw new Error(`go ${args.join(' ')} failed:\n${stderr}`);
}

/** Runs etcdwatcher to its end. `onLine` hears of each line as it comes. */
export async function runEtcdWatcher(
  args: readonly string[],
  onLine: (line: WatcherLine) => void = () => {},
): Promise<WatcherLine[]> {
  const child = spawn(join(goFolder, 'bin', 'etcdwatcher'), args, { timeout: 60_000, killSignal: 'SIGKILL' });
  const lines: WatcherLine[] = [];
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as WatcherLine;
    lines.push(line);
    onLine(line);
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0) throw new Error(`etcdwatcher ${args.join(' ')} ended with ${String(status)}:\n${stderr}`);
  return lines;
}
