import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { APIServer, MemoryStore, type Pod, type PodRuntime } from '../../../src/apiserver/index.js';
import type { DashboardHost, PodAddress } from '../../../src/dashboard/index.js';
import { EventLog, sseHandler } from '../../../src/push/index.js';
import type { RemoteCommandResult, RemoteCommandSession } from '../../../src/remotecommand/index.js';

/** A pod in this process: a log of its own, kept in step with the others', and the routes that the dashboard uses. */
export class FakePod {
  readonly name: string;
  readonly requests: { readonly method: string; readonly url: string; readonly headers: IncomingMessage['headers'] }[] =
    [];
  log: EventLog = new EventLog();
  address: PodAddress | undefined;
  /** Answers in place of the pod's own routes. */
  answer: ((req: IncomingMessage, res: ServerResponse) => boolean) | undefined;
  restarts = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #cluster: FakeCluster;

  constructor(name: string, cluster: FakeCluster) {
    this.name = name;
    this.#cluster = cluster;
  }

  async start(): Promise<void> {
    this.log = new EventLog();
    const others = this.#cluster.running().filter((pod) => pod !== this);
    for (const other of others) {
      this.log.meet(other.log.origin);
      other.log.meet(this.log.origin);
    }
    for (const part of others[0]?.log.snapshot() ?? []) this.log.adopt(part);
    const { log } = this;
    log.tap(({ origin, n, stream, type, data, key }) => {
      if (origin !== log.origin) return;
      for (const other of this.#cluster.running()) {
        if (other.log !== log) other.log.append({ origin, n, stream, type, data, key, age: 0 });
      }
    });
    const events = sseHandler(log, { retry: 100, wildcards: true });
    this.#server = createServer((req, res) => void this.#serve(req, res, events));
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server.listen(this.address?.port ?? 0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.address = { ip: '127.0.0.1', port: (this.#server.address() as AddressInfo).port };
    this.#cluster.show(this);
  }

  get running(): boolean {
    return this.#server !== undefined;
  }

  /** Ends it as SIGKILL does. */
  async kill(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    server.close();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await once(server, 'close');
    this.log.close();
    this.#cluster.show(this);
  }

  async #serve(req: IncomingMessage, res: ServerResponse, events: ReturnType<typeof sseHandler>): Promise<void> {
    this.requests.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers });
    if (this.answer?.(req, res) === true) return;
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://pod');
    if (pathname === '/events') return events(req, res);
    if (pathname === '/status') return void res.end(JSON.stringify(this.#status()));
    if (pathname !== '/publish') return void res.writeHead(404).end();
    const data = (await buffer(req)).toString();
    const key = searchParams.get('key');
    const event = this.log.publish(searchParams.get('stream') ?? '', data, key === null ? {} : { key });
    res.writeHead(200, { 'Content-Type': 'application/json' });
    res.end(JSON.stringify({ cursor: '', origin: event.origin, n: event.n, acks: this.#cluster.running().length }));
  }

  #status(): object {
    const stats = this.log.stats();
    const clients = Object.values(stats.followers).reduce((sum, count) => sum + count, 0);
    const links = this.#cluster
      .running()
      .filter((pod) => pod !== this)
      .map((pod) => ({
        origin: pod.log.origin,
        name: pod.name,
        address: '',
        state: 'ready',
        roundTrip: 0.4,
        sent: stats.published,
        acknowledged: stats.published,
        received: pod.log.stats().published,
        behind: 0,
      }));
    return { name: this.name, origin: this.log.origin, state: 'ready', clients, links, log: stats, streams: [] };
  }
}

/** Pods in this process, and an API server whose commands are echoes. */
export class FakeCluster implements DashboardHost, AsyncDisposable {
  readonly namespace: string = 'default';
  readonly pods: MemoryStore<Pod> = new MemoryStore();
  readonly all: FakePod[] = [];
  readonly actions: string[] = [];
  readonly #api: APIServer;

  constructor() {
    const runtime: PodRuntime = {
      pods: this.pods,
      logs: () => Readable.from(['line 1\n', 'line 2\n']),
      assertRunning: () => {},
      exec: echo,
      attach: echo,
      portForward: () => {
        throw new Error('not here');
      },
    };
    this.#api = new APIServer({ runtime });
  }

  get apiServer(): string {
    return this.#api.url;
  }

  async start(count: number): Promise<this> {
    await this.#api.listen();
    for (let index = 0; index < count; index++) await this.add(`pod-${String.fromCharCode(97 + index)}`);
    return this;
  }

  async add(name: string): Promise<FakePod> {
    const pod = new FakePod(name, this);
    this.all.push(pod);
    await pod.start();
    return pod;
  }

  pod(name: string): FakePod {
    const found = this.all.find((pod) => pod.name === name);
    if (found === undefined) throw new Error(`there is no pod ${name}`);
    return found;
  }

  running(): FakePod[] {
    return this.all.filter(({ running }) => running);
  }

  /** Puts the object of a pod as it is now. */
  show(pod: FakePod): void {
    this.pods.put(podObject(pod));
  }

  address({ metadata }: Pod): PodAddress | undefined {
    return this.all.find(({ name }) => name === metadata.name)?.address;
  }

  /** Ends the pod, and starts it again at once. */
  async kill({ metadata: { name } }: Pod, signal: NodeJS.Signals): Promise<void> {
    this.actions.push(`kill ${name} ${signal}`);
    const pod = this.pod(name);
    await pod.kill();
    pod.restarts += 1;
    await pod.start();
  }

  async replace({ metadata: { name } }: Pod): Promise<void> {
    this.actions.push(`replace ${name}`);
    const pod = this.pod(name);
    await pod.kill();
    this.all.splice(this.all.indexOf(pod), 1);
    this.pods.delete(this.namespace, name);
    await this.add(`${name}x`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.all.map((pod) => pod.kill()));
    await this.#api.close();
  }
}

/** Says what it was started with, and then what it gets. */
async function echo(_pod: Pod, _container: string, session: RemoteCommandSession): Promise<RemoteCommandResult> {
  session.stdout?.write(`${session.command.join(' ')} tty=${session.tty}\r\n`);
  if (session.stdin === undefined) return 0;
  for await (const chunk of session.stdin as AsyncIterable<Buffer>) {
    if (chunk.includes('exit')) return 3;
    session.stdout?.write(chunk);
  }
  return 0;
}

function podObject({ name, address, running, restarts }: FakePod): Pod {
  const time = '2026-01-01T00:00:00Z';
  const state = running
    ? { running: { startedAt: time } }
    : { terminated: { exitCode: 137, reason: 'Error', startedAt: time, finishedAt: time } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-${name}`, creationTimestamp: time },
    spec: { containers: [{ name: 'main', image: 'i' }], restartPolicy: 'Always' },
    status: {
      phase: 'Running',
      podIP: address?.ip ?? '',
      containerStatuses: [{ name: 'main', image: 'i', imageID: '', ready: running, restartCount: restarts, state }],
    },
  };
}
