import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { StatusError, statusError } from '../apiserver/index.js';
import { LimitExceededError } from '../errors/index.js';
import type { Balancer } from './balancer.js';
import { checkAction } from './guard.js';
import type { DashboardSettings } from './options.js';
import { POD_HEADER } from './sources.js';
import type { Watcher } from './watcher.js';

/** Bytes of what is published at once. */
const MOST_BODY = 1024 * 1024;
const POD_ACTION = /^\/pods\/([^/]+)\/(kill|replace)$/;
const PASSED_BACK = ['content-type', 'retry-after'] as const;

/** Serves what changes something: publishing, and the end of pods. */
export class Actions {
  readonly #settings: DashboardSettings;
  readonly #balancer: Balancer;
  readonly #watcher: Watcher;

  constructor(settings: DashboardSettings, balancer: Balancer, watcher: Watcher) {
    this.#settings = settings;
    this.#balancer = balancer;
    this.#watcher = watcher;
  }

  static accepts(path: string): boolean {
    return path === '/publish' || POD_ACTION.test(path);
  }

  /** @throws StatusError */
  async serve(req: IncomingMessage, res: ServerResponse, path: string, query: URLSearchParams): Promise<void> {
    if (req.method !== 'POST') {
      res.setHeader('Allow', 'POST');
      throw statusError(405, 'the method must be POST');
    }
    checkAction(req);
    if (path === '/publish') return await this.#publish(req, res, query);
    const [, name = '', action = ''] = POD_ACTION.exec(path) ?? [];
    req.resume();
    await this.#end(name, action === 'kill');
    sendJSON(res, 202, { pod: name, action });
  }

  async #publish(req: IncomingMessage, res: ServerResponse, query: URLSearchParams): Promise<void> {
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const body = await read(req);
    const pod = query.get('pod') || undefined;
    query.delete('pod');
    const headers: OutgoingHttpHeaders = { 'Content-Type': req.headers['content-type'] ?? 'text/plain' };
    try {
      const answer = await this.#balancer.publish({ query, headers, body, pod }, gone.signal);
      if (answer === undefined) {
        res.setHeader('Retry-After', '1');
        throw statusError(503, pod === undefined ? 'no pod is ready' : `the pod ${pod} cannot be reached`);
      }
      res.setHeader(POD_HEADER, answer.pod);
      for (const name of PASSED_BACK) {
        const value = answer.headers[name];
        if (value !== undefined) res.setHeader(name, value);
      }
      res.writeHead(answer.status).end(answer.body);
    } catch (error) {
      if (error instanceof StatusError) throw error;
      throw statusError(502, error instanceof Error ? error.message : String(error));
    }
  }

  async #end(name: string, kill: boolean): Promise<void> {
    const { cluster } = this.#settings;
    const pod = cluster.pods.get(cluster.namespace, name);
    if (pod === undefined) throw statusError(404, `there is no pod ${name}`);
    if (kill) this.#watcher.note('kill', name, 'gets SIGKILL');
    else this.#watcher.note('replace', name, 'is asked to drain, and another one takes its place');
    try {
      if (kill) await cluster.kill(pod, 'SIGKILL');
      // That takes until it has drained; the page sees it happen.
      else void cluster.replace(pod).catch((error: unknown) => this.#failed(name, error));
    } catch (error) {
      this.#failed(name, error);
      throw statusError(409, error instanceof Error ? error.message : String(error));
    }
  }

  #failed(name: string, error: unknown): void {
    this.#watcher.note('failed', name, error instanceof Error ? error.message : String(error));
  }
}

/** Answers with JSON. */
export function sendJSON(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(`${JSON.stringify(value)}\n`);
}

async function read(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of req as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BODY) throw new LimitExceededError('maxBodyBytes', `the body exceeds ${MOST_BODY} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
