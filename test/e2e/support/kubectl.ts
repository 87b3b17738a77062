import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How kubectl reaches exec and attach. */
export type Wire = 'websocket' | 'spdy';

/** What a run of kubectl left. */
export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: number;
  readonly stdoutSha256: string;
}

/** Settings of {@link kubectl}. */
export interface KubectlOptions {
  readonly server: string;
  readonly wire?: Wire;
  readonly input?: Buffer | string;
  /** Milliseconds until it is killed. Default 60,000. */
  readonly timeout?: number;
  /** Called with each piece of stdout. */
  readonly onOutput?: (text: string, kill: () => void) => void;
}

const home = mkdtempSync(join(tmpdir(), 'trunkline-kubectl-'));
process.once('exit', () => rmSync(home, { recursive: true, force: true }));

/** The environment in which kubectl knows of no cluster but the one it is told. */
export function kubectlEnvironment(wire: Wire = 'websocket'): NodeJS.ProcessEnv {
  return {
    ...process.env,
    HOME: home,
    KUBECONFIG: join(home, 'none'),
    KUBECTL_REMOTE_COMMAND_WEBSOCKETS: String(wire === 'websocket'),
  };
}

/** Runs the real kubectl; rejects when there is none. */
export function kubectl(args: readonly string[], options: KubectlOptions): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', [`--server=${options.server}`, ...args], {
      env: kubectlEnvironment(options.wire),
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 60_000);
    const hash = createHash('sha256');
    const head: Buffer[] = [];
    let stdoutBytes = 0;
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      stdoutBytes += chunk.length;
      if (stdoutBytes <= 1024 * 1024) head.push(chunk);
      options.onOutput?.(chunk.toString('utf8'), () => child.kill('SIGINT'));
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(head).toString('utf8');
      resolve({ code, stdout, stderr, stdoutBytes, stdoutSha256: hash.digest('hex') });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input);
  });
}
