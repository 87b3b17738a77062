import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { SSEServer } from '../../../src/mesh/index.js';
import { ListedPeers } from '../../support/listed-peers.js';
import { Client, TIMES, until } from '../../conformance/sser-support.js';
import { Inbox } from '../../support/inbox.js';
import { projectRoot } from '../../support/project-root.js';

const goFolder = join(projectRoot, 'test', 'interop', 'go');

/** Builds sserpod, which has a module of its own. */
export function buildSserPod(): void {
  const args = ['build', '-p', '2', '-o', '../bin/sserpod', '.'];
  const { error, status, stderr } = spawnSync('go', args, { cwd: join(goFolder, 'sser'), encoding: 'utf8' });
  if (error !== undefined) throw new Error('the interop tests need Go 1.26 or later on PATH', { cause: error });
  if (status !== 0) throw new Error(`go ${args.join(' ')} failed:\n${stderr}`);
}

/** A pod of a Deployment, of either kind. All have the same internal port and addresses of their own. */
export interface DeployedPod extends AsyncDisposable {
  readonly host: string;
  /** Where clients go. */
  readonly url: string;
  send(stream: string, msg: string): Promise<void>;
  /** Who is there now, itself included. Settles once that holds. */
  setPeers(hosts: readonly string[]): Promise<void>;
}

/** A port that is free on all addresses. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * A pod that is written in Go. The environment's `SSERPOD` names another program to run, with the same flags and input: so
 * these tests were run against the original.
 */
export class GoPod implements DeployedPod {
  readonly host: string;
  readonly url: string;
  readonly #process: ChildProcess;
  readonly #lines: Inbox<{ readonly peers?: readonly string[] }>;

  private constructor(host: string, url: string, child: ChildProcess, lines: Inbox<{ peers?: readonly string[] }>) {
    this.host = host;
    this.url = url;
    this.#process = child;
    this.#lines = lines;
  }

  static async start(host: string, port: number): Promise<GoPod> {
    const program = process.env['SSERPOD'] ?? join(goFolder, 'bin', 'sserpod');
    const child = spawn(program, ['-host', host, '-internal-port', `${port}`], {
      env: { ...process.env, SSER_TIMEOUT: '10s' },
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 120_000,
      killSignal: 'SIGKILL',
    });
    child.stdin.on('error', () => {});
    const lines = new Inbox<{ addr?: string; peers?: readonly string[] }>();
    createInterface({ input: child.stdout }).on('line', (text) => lines.put(JSON.parse(text) as object));
    child.once('exit', (code) => lines.fail(new Error(`sserpod ended with ${String(code)}`)));
    const { addr = '' } = await lines.next();
    return new GoPod(host, `http://${addr}/`, child, lines);
  }

  async send(stream: string, msg: string): Promise<void> {
    this.#write({ stream, msg });
    await Promise.resolve();
  }

  async setPeers(hosts: readonly string[]): Promise<void> {
    this.#write({ peers: hosts });
    await this.#lines.find(({ peers }) => peers !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    this.#process.kill('SIGKILL');
    await once(this.#process, 'exit');
  }

  #write(command: object): void {
    this.#process.stdin?.write(`${JSON.stringify(command)}\n`);
  }
}

/** A pod of ours, in this process. */
export class TrunklinePod implements DeployedPod {
  readonly host: string;
  readonly server: SSEServer;
  readonly #port: number;
  readonly #finder: ListedPeers;
  readonly #frontend: Server;

  private constructor(host: string, port: number) {
    this.host = host;
    this.#port = port;
    this.#finder = new ListedPeers();
    this.server = new SSEServer(port, this.#finder, {
      host,
      name: `pod-${host}-${process.hrtime.bigint()}`,
      times: TIMES,
    });
    this.#frontend = createServer(this.server.clientConnectionHandler());
  }

  /** Joins the pods that are there. */
  static async start(host: string, port: number, hosts: readonly string[] = []): Promise<TrunklinePod> {
    const pod = new TrunklinePod(host, port);
    pod.#list(hosts);
    await pod.server.start();
    pod.#frontend.listen(0, host);
    await once(pod.#frontend, 'listening');
    return pod;
  }

  get url(): string {
    return `http://${this.host}:${(this.#frontend.address() as { port: number }).port}/`;
  }

  async send(stream: string, msg: string): Promise<void> {
    await this.server.send(stream, msg);
  }

  async setPeers(hosts: readonly string[]): Promise<void> {
    this.#list(hosts);
    const others = hosts.length - 1;
    await until(() => {
      const { links, compatible } = this.server.mesh;
      return links.length + (compatible?.peers.length ?? 0) === others;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
    if (!this.#frontend.listening) return;
    this.#frontend.closeAllConnections();
    this.#frontend.close();
    await once(this.#frontend, 'close');
  }

  #list(hosts: readonly string[]): void {
    this.#finder.set(...hosts.map((host) => `${host}:${this.#port}`));
  }
}

/** Follows a stream of a pod. */
export async function follow(pod: DeployedPod, stream: string, cursor?: string): Promise<Client> {
  return await Client.connect(`${pod.url}?stream=${stream}`, cursor);
}
