import { spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What the exec server says about itself. */
export interface ExecServerStats {
  /** Sessions whose command runs. */
  readonly open: number;
  /** Sessions so far. */
  readonly served: number;
  /** Child processes that run. */
  readonly processes: number;
  /** What keeps the event loop alive, counted by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

/** Our exec server, in a process of its own. */
export interface ExecServer extends AsyncDisposable {
  readonly address: string;
  readonly pid: number;
  stats(): Promise<ExecServerStats>;
  /** Resolves with the statistics once they pass; rejects, showing them, when they don't within 10 s. */
  settled(passes: (stats: ExecServerStats) => boolean): Promise<ExecServerStats>;
  stop(): Promise<void>;
}

export async function startExecServer(...args: readonly string[]): Promise<ExecServer> {
  const program = fileURLToPath(new URL('exec-server-main.js', import.meta.url));
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const { addr } = (await nextLine(lines, exited)) as { addr: string };
  const stats = async (): Promise<ExecServerStats> => {
    const answer = nextLine(lines, exited);
    child.stdin.write('stats\n');
    return (await answer) as ExecServerStats;
  };
  const stop = async (): Promise<void> => {
    child.stdin.end();
    await exited;
  };
  return {
    address: addr,
    pid: child.pid ?? 0,
    stats,
    settled: async (passes) => {
      for (let tries = 0; ; tries++) {
        const now = await stats();
        if (passes(now)) return now;
        if (tries === 200) throw new Error(`the server did not settle: ${JSON.stringify(now)}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function nextLine(lines: Interface, exited: Promise<unknown>): Promise<unknown> {
  const gone = exited.then(() => {
    throw new Error('the exec server ended');
  });
  const [line] = (await Promise.race([once(lines, 'line'), gone])) as [string];
  return JSON.parse(line);
}
