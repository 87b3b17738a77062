import { setImmediate } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import {
  APIServer,
  MemoryStore,
  type APIServerOptions,
  type EndpointSlice,
  type Pod,
  type Service,
} from '../../src/apiserver/index.js';
import {
  EndpointSlicePeerFinder,
  PodPeerFinder,
  type KubernetesFinderOptions,
  type Peer,
  type PeerFinder,
} from '../../src/kubernetes/index.js';
import { APIFaults, VirtualClock } from '../../src/testing/index.js';
import { FakeRuntime } from '../unit/apiserver/support.js';

/** A pod of the mesh `app=web` in the namespace `team`. */
export function meshPod(name: string, ip: string | undefined, change: (pod: Pod) => Pod = (pod) => pod): Pod {
  return change({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'team',
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web' },
    },
    spec: {
      containers: [{ name: 'main', image: 'i', ports: [{ name: 'mesh', containerPort: 7100, protocol: 'TCP' }] }],
      restartPolicy: 'Always',
    },
    status: {
      phase: 'Running',
      ...(ip === undefined ? {} : { podIP: ip, podIPs: [{ ip }] }),
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  });
}

/** The headless Service of the mesh. */
export const WEB: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'team', uid: 'uid-web', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { clusterIP: 'None', selector: { app: 'web' }, ports: [{ name: 'mesh', port: 7000, targetPort: 'mesh' }] },
};

/** An API server with the pods of a mesh, and faults. */
export class TestAPI implements AsyncDisposable {
  readonly runtime: FakeRuntime;
  readonly services: MemoryStore<Service> = new MemoryStore<Service>();
  readonly faults: APIFaults = new APIFaults();
  readonly clock: VirtualClock = new VirtualClock();
  readonly #options: Partial<APIServerOptions>;
  server: APIServer;

  private constructor(history: number, options: Partial<APIServerOptions>) {
    this.runtime = new FakeRuntime(history);
    for (const name of ['a', 'b']) this.runtime.pods.delete('default', name);
    this.services.put(WEB);
    this.#options = options;
    this.server = this.#newServer(0);
  }

  /** @param history Changes that the server remembers. */
  static async start(
    pods: readonly Pod[],
    { history = 1024, ...options }: Partial<APIServerOptions> & { readonly history?: number } = {},
  ): Promise<TestAPI> {
    const api = new TestAPI(history, options);
    for (const pod of pods) api.runtime.pods.put(pod);
    await api.server.listen();
    return api;
  }

  /** Nobody listens any more. */
  async stop(): Promise<void> {
    await this.server.close();
  }

  /** Listens again, at the same address. */
  async restart(): Promise<void> {
    this.server = this.#newServer(Number(new URL(this.server.url).port));
    await this.server.listen();
  }

  /** A genuine KubeConfig that leads here. */
  get config(): KubeConfig {
    const config = new KubeConfig();
    config.loadFromOptions({
      clusters: [{ name: 'c', server: this.server.url, skipTLSVerify: true }],
      users: [{ name: 'u', token: 'secret' }],
      contexts: [{ name: 'x', cluster: 'c', user: 'u', namespace: 'team' }],
      currentContext: 'x',
    });
    return config;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.close();
  }

  #newServer(port: number): APIServer {
    const { runtime, services, faults, clock } = this;
    return new APIServer({ runtime, services, faults, clock, closeTimeout: 0, ...this.#options, port });
  }
}

/** Periods short enough for tests. */
export const QUICK: KubernetesFinderOptions = { retry: { min: 1, max: 20 }, debounce: 1 };

/** Both finders, by the resource that they watch. */
export const FINDERS: Readonly<Record<string, (options: KubernetesFinderOptions) => PeerFinder>> = {
  pods: (options) => new PodPeerFinder({ labelSelector: 'app=web', self: { name: 'a' }, ...options }),
  endpointslices: (options) => new EndpointSlicePeerFinder({ service: 'web', self: { name: 'a' }, ...options }),
};

/** An iteration that a test reads set by set. */
export class Reader implements AsyncDisposable {
  readonly errors: Error[] = [];
  readonly #sets: AsyncIterator<readonly Peer[]>;
  readonly #signal = new AbortController();
  #waiting: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(
    make: (options: KubernetesFinderOptions) => PeerFinder,
    api: TestAPI,
    options: KubernetesFinderOptions = {},
  ) {
    const onError = (error: Error): void => {
      this.errors.push(error);
      if (this.#waiting !== undefined && this.errors.length >= this.#waiting.count) this.#waiting.resolve();
    };
    const finder = make({ config: api.config, ...QUICK, onError, ...options });
    this.#sets = finder.peers({ signal: this.#signal.signal })[Symbol.asyncIterator]();
  }

  /** The next set. */
  async next(): Promise<readonly Peer[]> {
    const { done, value } = await this.#sets.next();
    if (done === true) throw new Error('the iteration has ended');
    return value as readonly Peer[];
  }

  /** Addresses of the next set. */
  async hosts(): Promise<readonly string[]> {
    return (await this.next()).map(({ host }) => host);
  }

  /** Reads sets until one has these addresses. */
  async until(...hosts: readonly string[]): Promise<readonly Peer[]> {
    for (;;) {
      const set = await this.next();
      if (JSON.stringify(set.map(({ host }) => host)) === JSON.stringify(hosts)) return set;
    }
  }

  /** Settles when so many errors have been told. */
  failures(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { count, resolve };
      if (this.errors.length >= count) resolve();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#signal.abort();
    await this.#sets.return?.();
  }
}

/** Lets the event loop turn until it is so. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

/** Lets the event loop turn so often. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

/** A virtual clock that remembers what was asked of it. */
export class RecordingClock extends VirtualClock {
  readonly asked: number[] = [];

  override setTimeout(callback: () => void, milliseconds: number): ReturnType<VirtualClock['setTimeout']> {
    this.asked.push(milliseconds);
    return super.setTimeout(callback, milliseconds);
  }
}

/** A slice without a controller behind it. */
export function slice(
  name: string,
  endpoints: EndpointSlice['endpoints'],
  type: 'IPv4' | 'IPv6' = 'IPv4',
): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name,
      namespace: 'team',
      uid: `uid-${name}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'kubernetes.io/service-name': 'web' },
    },
    addressType: type,
    endpoints,
    ports: [{ name: 'mesh', port: 7200, protocol: 'TCP' }],
  };
}
