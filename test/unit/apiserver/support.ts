import { request, type IncomingHttpHeaders } from 'node:http';
import { PassThrough, Readable, type Duplex } from 'node:stream';
import {
  APIServer,
  MemoryStore,
  statusError,
  type APIServerOptions,
  type ContainerStatus,
  type Pod,
  type PodLogOptions,
  type PodRuntime,
} from '../../../src/apiserver/index.js';
import type { RemoteCommandResult, RemoteCommandSession } from '../../../src/remotecommand/index.js';

/** A running pod with one container, `main`. */
export function testPod(
  name: string,
  status: Partial<ContainerStatus> = {},
  phase: Pod['status']['phase'] = 'Running',
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: name },
    },
    spec: { containers: [{ name: 'main', image: 'i' }], restartPolicy: 'Always', nodeName: 'local' },
    status: {
      phase,
      podIP: '127.1.1.2',
      containerStatuses: [
        {
          name: 'main',
          image: 'i',
          imageID: '',
          ready: true,
          started: true,
          restartCount: 0,
          state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
          lastState: {},
          ...status,
        },
      ],
    },
  };
}

/** Pods that do not run: logs are what a test says, commands print themselves. */
export class FakeRuntime implements PodRuntime {
  readonly pods: MemoryStore<Pod>;
  readonly logOptions: PodLogOptions[] = [];
  log: () => Readable = () => Readable.from(['line 1\n', 'line 2\n']);
  running = true;

  constructor(capacity = 1024) {
    this.pods = new MemoryStore<Pod>(undefined, capacity);
    this.pods.put(testPod('a'));
    this.pods.put(testPod('b'));
  }

  logs(_pod: Pod, options: PodLogOptions): Readable {
    this.logOptions.push(options);
    return this.log();
  }

  assertRunning(): void {
    if (!this.running) throw statusError(404, 'unable to upgrade connection: container not found ("main")');
  }

  exec(_pod: Pod, _container: string, session: RemoteCommandSession): Promise<RemoteCommandResult> {
    session.stdout?.write(session.command.join(' '));
    return Promise.resolve(7);
  }

  attach(_pod: Pod, _container: string, session: RemoteCommandSession): Promise<RemoteCommandResult> {
    session.stdout?.write('attached');
    return Promise.resolve(0);
  }

  /** What a pod answers on a port: the port, and then everything back. */
  portForward(_pod: Pod, port: number): Duplex {
    if (port === 1) throw new Error('connection refused');
    const echo = new PassThrough();
    echo.write(`port ${port}\n`);
    return echo;
  }
}

/** Runs `test` against a server that listens, and closes it. */
export async function withServer(
  options: Partial<APIServerOptions>,
  test: (server: APIServer, runtime: FakeRuntime) => Promise<void>,
  runtime: FakeRuntime = new FakeRuntime(),
): Promise<void> {
  await using server = await new APIServer({ runtime, ...options }).listen();
  await test(server, runtime);
}

/** What a server answered; an upgrade counts as an answer without body. */
export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Sends a request on a connection of its own. */
export function send(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, body } = options;
    const req = request(url, { method, headers, agent: false });
    req.once('error', reject);
    req.once('upgrade', (res, socket) => {
      socket.destroy();
      resolve({ code: res.statusCode ?? 0, headers: res.headers, text: '' });
    });
    req.once('response', (res) => {
      let text = '';
      res.setEncoding('utf8');
      res.on('data', (chunk: string) => {
        text += chunk;
      });
      res.once('end', () => resolve({ code: res.statusCode ?? 0, headers: res.headers, text }));
      res.once('error', reject);
    });
    req.end(body);
  });
}
