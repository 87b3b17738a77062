import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { kubectlEnvironment } from './kubectl.js';

/** A running `kubectl port-forward`. */
export interface KubectlPortForward extends AsyncDisposable {
  /** Local port on 127.0.0.1 that leads to a port of the pod. */
  local(remote: number): number;
  /** What it wrote to stderr so far. */
  stderr(): string;
  /** Exit code, once it has ended. */
  readonly exited: Promise<number | null>;
  readonly running: boolean;
  stop(): Promise<void>;
}

/** Starts the real kubectl and waits until it forwards all ports; rejects when it ends before. */
export async function kubectlPortForward(
  server: string,
  pod: string,
  specs: readonly string[],
  wire: 'websocket' | 'spdy',
): Promise<KubectlPortForward> {
  // It shows its requests, and so whether it fell back.
  const child = spawn('kubectl', ['-v=7', `--server=${server}`, 'port-forward', `pod/${pod}`, ...specs], {
    env: { ...kubectlEnvironment(), KUBECTL_PORT_FORWARD_WEBSOCKETS: String(wire === 'websocket') },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const ports = new Map<number, number>();
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      for (const [, local, remote] of stdout.matchAll(/Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)\n/g)) {
        ports.set(Number(remote), Number(local));
      }
      if (ports.size === specs.length) resolve();
    });
    void exited.then((code) => reject(new Error(`kubectl ended with ${code}: ${stderr}`)));
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGINT');
    await exited;
  };
  return {
    local(remote) {
      const port = ports.get(remote);
      if (port === undefined) throw new Error(`port ${remote} is not forwarded`);
      return port;
    },
    stderr: () => stderr,
    exited,
    get running() {
      return child.exitCode === null && child.signalCode === null;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
