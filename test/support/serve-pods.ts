import { request, type IncomingHttpHeaders } from 'node:http';
import type { FindOptions, Peer, PeerFinder } from '../../src/mesh/discovery/types.js';
import { PodServer, type PodServerOptions } from '../../src/serve/index.js';

/** Pods find each other at once, and are ready at once. */
const TIMES = { aloneAfter: 60, spread: 5, retry: 20, maxRetry: 100, haveDelay: 5 };

/** Knows all pods of a test as soon as their internal ports are open. */
class Registry {
  readonly #pods: PodServer[] = [];
  readonly #readers = new Set<() => void>();

  add(pod: PodServer): void {
    this.#pods.push(pod);
  }

  /** The finder of one pod. */
  finder(pod: () => PodServer): PeerFinder {
    const readers = this.#readers;
    const known = (): Peer[] =>
      this.#pods
        .filter((one) => one.mesh.port > 0)
        .map((one) => ({ host: '127.0.0.1', port: one.mesh.port, name: one.name, self: one === pod() }));
    return {
      async *peers({ signal }: FindOptions = {}) {
        for (const wake of readers) wake();
        let ended = false;
        while (!ended) {
          yield known();
          ended = await new Promise<boolean>((resolve) => {
            readers.add(() => resolve(false));
            signal?.addEventListener('abort', () => resolve(true), { once: true });
            if (signal?.aborted === true) resolve(true);
          });
        }
      },
    };
  }
}

/** Pods of one mesh in this process. Disposing ends them at once. */
export interface Pods extends AsyncDisposable {
  readonly pods: readonly PodServer[];
  /** One more pod, not yet started. */
  add(options?: Partial<PodServerOptions>): PodServer;
}

/** Starts pods that are named `pod-0`, `pod-1`, … */
export async function startPods(count: number, options: Partial<PodServerOptions> = {}): Promise<Pods> {
  const registry = new Registry();
  const pods: PodServer[] = [];
  const add = (more: Partial<PodServerOptions> = {}): PodServer => {
    const pod: PodServer = new PodServer({
      finder: registry.finder(() => pod),
      name: `pod-${pods.length}`,
      port: 0,
      internalPort: 0,
      times: TIMES,
      compatible: false,
      ...options,
      ...more,
    });
    pods.push(pod);
    registry.add(pod);
    return pod;
  };
  for (let i = 0; i < count; i++) add();
  await Promise.all(pods.map((pod) => pod.start()));
  return {
    pods,
    add,
    async [Symbol.asyncDispose]() {
      await Promise.all(pods.map((pod) => pod.close({ timeout: 0 })));
    },
  };
}

/** An answer that was read whole. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Parses the text. */
  json(): unknown;
}

/** What is asked for. */
export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** Asks in a connection of its own. */
export async function askPod(url: string, { method, headers = {}, body }: Asking = {}): Promise<Answer> {
  return await new Promise((resolve, reject) => {
    const req = request(url, { method: method ?? (body === undefined ? 'GET' : 'POST'), headers, agent: false });
    req.on('error', reject);
    req.on('response', (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        resolve({ status: res.statusCode ?? 0, headers: res.headers, text, json: () => JSON.parse(text) as unknown });
      });
    });
    req.end(body);
  });
}
