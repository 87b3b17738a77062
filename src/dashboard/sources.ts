import type { OutgoingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { Balancer } from './balancer.js';
import type { DashboardSettings } from './options.js';
import { askPod } from './pod-request.js';

/** Header that names the pod that answered. */
export const POD_HEADER = 'Trunkline-Pod';

/** What a client reads from, over HTTP or over a stream of a WebSocket. */
export interface Source {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

/** What a client asks for. */
export interface SourceRequest {
  readonly path: string;
  /** Empty, or with its question mark. */
  readonly search: string;
  readonly lastEventId: string | undefined;
  readonly acceptEncoding?: string | undefined;
  readonly signal: AbortSignal;
}

/** Clients served at once. */
const MOST = 1_000;
const LOG_TIMEOUT = 5_000;
const PASSED = ['content-type', 'content-encoding', 'retry-after'];

/** Gives what flows: events of any pod, and logs of one. */
export class Sources {
  readonly #settings: DashboardSettings;
  readonly #balancer: Balancer;
  #open = 0;

  constructor(settings: DashboardSettings, balancer: Balancer) {
    this.#settings = settings;
    this.#balancer = balancer;
  }

  /** @returns `undefined` for a path that is none of these. @throws the signal's reason. */
  async open(request: SourceRequest): Promise<Source | undefined> {
    const pod = /^\/logs\/([^/]+)$/.exec(request.path)?.[1];
    if (pod === undefined && request.path !== '/events') return undefined;
    if (this.#open >= MOST) return failure(503, 'too many clients');
    this.#open += 1;
    try {
      const source = await (pod === undefined ? this.#events(request) : this.#logs(pod, request));
      source.body.once('close', () => (this.#open -= 1));
      return source;
    } catch (error) {
      this.#open -= 1;
      throw error;
    }
  }

  async #events({ search, lastEventId, acceptEncoding, signal }: SourceRequest): Promise<Source> {
    const headers: OutgoingHttpHeaders = { Accept: 'text/event-stream' };
    if (lastEventId !== undefined) headers['Last-Event-ID'] = lastEventId;
    if (acceptEncoding !== undefined) headers['Accept-Encoding'] = acceptEncoding;
    const answer = await this.#balancer.events(search, headers, signal);
    if (answer === undefined) return failure(503, 'no pod is ready', { 'retry-after': '1' });
    const { pod, status, body } = answer;
    return { status, headers: { ...passed(answer.headers), [POD_HEADER]: pod }, body };
  }

  async #logs(name: string, { search, signal }: SourceRequest): Promise<Source> {
    const { clock, cluster } = this.#settings;
    const { namespace } = cluster;
    if (cluster.pods.get(namespace, name) === undefined) return failure(404, `there is no pod ${name}`);
    const lines = Number(new URLSearchParams(search).get('tail') ?? 200);
    const tail = Number.isSafeInteger(lines) && lines >= 0 ? lines : 200;
    const { hostname, port } = new URL(cluster.apiServer);
    try {
      const body = await askPod({
        address: { ip: hostname.replace(/^\[|\]$/g, ''), port: Number(port) },
        path: `/api/v1/namespaces/${namespace}/pods/${name}/log?follow=true&tailLines=${tail}`,
        signal,
        timeout: LOG_TIMEOUT,
        clock,
      });
      return { status: body.statusCode ?? 0, headers: { ...passed(body.headers), [POD_HEADER]: name }, body };
    } catch (error) {
      if (signal.aborted) throw error;
      return failure(502, error instanceof Error ? error.message : String(error));
    }
  }
}

/** An answer of the dashboard's own. */
function failure(status: number, message: string, headers: Readonly<Record<string, string>> = {}): Source {
  const body = Readable.from([Buffer.from(`${JSON.stringify({ error: message })}\n`)]);
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

function passed(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    PASSED.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : [])),
  );
}
