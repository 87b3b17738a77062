import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { projectRoot } from '../../support/project-root.js';
import { buildGoPrograms } from './go-programs.js';

/** A port-forward server that forwards to 127.0.0.1. */
export interface PortForwardServer {
  /** Address of its one endpoint. */
  readonly url: string;
  readonly port: number;
  /** Kills it without a warning. */
  kill(): Promise<void>;
}

/** Starts our server, or the one in Go, on a port of its own or the one given. */
export async function startPortForwardServer(kind: 'ours' | 'go', port = 0): Promise<PortForwardServer> {
  let child: ChildProcess;
  if (kind === 'ours') {
    const program = fileURLToPath(new URL('port-forward-server-main.js', import.meta.url));
    child = spawn(process.execPath, [program, '--port', String(port)], { stdio: ['pipe', 'pipe', 'inherit'] });
  } else {
    buildGoPrograms();
    const program = join(projectRoot, 'test', 'interop', 'go', 'bin', 'portforwardserver');
    // It logs every failed connection.
    child = spawn(program, ['-addr', `127.0.0.1:${port}`], { stdio: ['pipe', 'pipe', 'ignore'] });
  }
  const exited = once(child, 'exit');
  if (child.stdout === null) throw new Error('no stdout');
  const line = once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>;
  const [text] = await Promise.race([
    line,
    exited.then(() => Promise.reject(new Error(`the ${kind} port-forward server ended at once`))),
  ]);
  const { addr } = JSON.parse(text) as { addr: string };
  return {
    url: `http://${addr}/api/v1/namespaces/default/pods/p/portforward`,
    port: Number(addr.split(':')[1]),
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
