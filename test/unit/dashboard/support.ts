import { request, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { Dashboard, type DashboardOptions, type Notice, type Snapshot } from '../../../src/dashboard/index.js';
import { EventStreamParser } from '../../../src/sse/index.js';
import { FakeCluster } from './fake-cluster.js';

/** What a server answered. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a request is sent. */
export interface Sending {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What the page sends along when it acts. */
export const ACTION: Readonly<Record<string, string>> = { 'Trunkline-Dashboard': '1' };

/** Headers of a WebSocket handshake. */
export const WEBSOCKET: Readonly<Record<string, string>> = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

/** A dashboard that listens, of a cluster with pods in this process. */
export class World implements AsyncDisposable {
  readonly cluster: FakeCluster;
  readonly dashboard: Dashboard;
  readonly errors: unknown[] = [];

  private constructor(cluster: FakeCluster, options: Partial<DashboardOptions>) {
    this.cluster = cluster;
    this.dashboard = new Dashboard({
      cluster,
      port: 0,
      pollPeriod: 50,
      probePeriod: 0,
      onError: (error) => this.errors.push(error),
      ...options,
    });
  }

  static async start(count: number, options: Partial<DashboardOptions> = {}): Promise<World> {
    const world = new World(await new FakeCluster().start(count), options);
    await world.dashboard.listen();
    return world;
  }

  /** Sends a request and reads the whole answer. An upgrade counts as an answer without a body. */
  async send(path: string, sending: Sending = {}): Promise<Answer> {
    const response = await this.open(path, sending);
    const { statusCode = 0, headers } = response;
    if (statusCode === 101) {
      response.socket.destroy();
      return { status: statusCode, headers, body: '' };
    }
    return { status: statusCode, headers, body: await text(response) };
  }

  /** Sends a request and resolves with the answer's head. */
  open(path: string, { method = 'GET', headers = {}, body }: Sending = {}): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const req = request(this.dashboard.url, { path, method, headers, agent: false });
      req.once('error', reject);
      req.once('response', (res) => resolve(res.on('error', () => {})));
      req.once('upgrade', (res, socket) => {
        socket.on('error', () => {});
        resolve(res);
      });
      req.end(body);
    });
  }

  /** Follows `/state` until something is so. */
  async state(found: (seen: { snapshot: Snapshot; notices: readonly Notice[] }) => boolean): Promise<Snapshot> {
    const response = await this.open('/state');
    const notices: Notice[] = [];
    let result: Snapshot | undefined;
    const parser = new EventStreamParser({
      event({ type, data }) {
        if (type === 'notice') notices.push(JSON.parse(data) as Notice);
        if (type !== 'snapshot') return;
        const snapshot = JSON.parse(data) as Snapshot;
        if (found({ snapshot, notices })) result ??= snapshot;
      },
    });
    for await (const chunk of response as AsyncIterable<Buffer>) {
      parser.feed(chunk);
      if (result !== undefined) return result;
    }
    throw new Error('the state ended');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dashboard.close();
    await this.cluster[Symbol.asyncDispose]();
  }
}
