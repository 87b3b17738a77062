import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { absorbErrors, refuseUpgrade } from '../httpstream/respond.js';
import { MissingPackageError } from '../errors/index.js';
import type { Logger } from '../logger/logger.js';
import type { Bus } from '../mesh/bus.js';
import type { PodState } from '../mesh/protocol/messages.js';
import { requestFields } from '../push/diagnostics/request-fields.js';
import { isRefusal } from '../push/http/authorize.js';
import { isPreflight, type CorsPolicy } from '../push/http/cors.js';
import { pageRefusal } from '../push/http/page-check.js';
import { queryOf } from '../push/http/request.js';
import { answer, answerError, answerRefusal } from '../push/http/respond.js';
import { expectRead } from '../push/lines/unread.js';
import { accessOf, type Access, type AccessAction } from './access.js';
import { RequestError } from './errors.js';
import type { Followers } from './followers.js';
import { INDEX } from './index-page.js';
import type { PodMetrics } from './metrics.js';
import { publish, type PublishLimits } from './publish.js';
import { streamsOf, type PodStatus } from './status.js';

/** Header of every answer: the pod that gave it. */
export const POD_HEADER = 'Trunkline-Pod';

/** Milliseconds in which a client has to take an answer. */
const WRITE_TIMEOUT = 10_000;

/** What the routes serve. */
export interface RoutesOptions {
  readonly bus: Bus;
  readonly state: () => PodState;
  readonly status: () => PodStatus;
  readonly metrics: PodMetrics;
  readonly followers: Followers;
  readonly access: Access;
  /** Of pages that publish or inspect. */
  readonly cors: CorsPolicy | undefined;
  readonly allowedHosts: ReadonlySet<string> | undefined;
  readonly limits: PublishLimits;
  /** All that is none of its own. */
  readonly requests: RequestListener | undefined;
  readonly logger: Logger;
}

type Route = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

/** What the public port answers. */
export class Routes {
  readonly #options: RoutesOptions;
  readonly #routes: ReadonlyMap<string, { readonly methods: readonly string[]; readonly route: Route }>;

  constructor(options: RoutesOptions) {
    const { followers } = options;
    const read = ['GET', 'HEAD'];
    this.#options = options;
    this.#routes = new Map([
      ['/', { methods: read, route: (req, res) => answer(req, res, 200, INDEX, TEXT) }],
      ['/healthz', { methods: read, route: (req, res) => answer(req, res, 200, 'ok\n', TEXT) }],
      ['/readyz', { methods: read, route: (req, res) => this.#ready(req, res) }],
      ['/metrics', { methods: read, route: (req, res) => this.#metrics(req, res) }],
      ['/streams', { methods: read, route: (req, res) => this.#streams(req, res) }],
      ['/status', { methods: read, route: (req, res) => this.#status(req, res) }],
      ['/publish', { methods: ['POST'], route: (req, res) => this.#publish(req, res) }],
      ['/events', { methods: [], route: (req, res) => followers.events(req, res) }],
    ]);
  }

  /** Never throws. */
  async request(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { bus, state, logger } = this.#options;
    const { clock } = bus.log;
    // A client that goes away while it is answered is no error of anybody's.
    res.on('error', () => {});
    res.setHeader(POD_HEADER, bus.name);
    // Whoever asks again should find another pod.
    if (state() === 'draining') res.setHeader('Connection', 'close');
    try {
      await this.#route(req, res);
      if (res.writableEnded) expectRead(res, clock, WRITE_TIMEOUT);
    } catch (error) {
      if (error instanceof RequestError) {
        answerError(req, res, error.status, error.code, error.message, { Connection: 'close' });
      } else {
        logger.error({ err: error, request: requestFields(req) }, 'a request failed');
        answerError(req, res, 500, 'ERR_INTERNAL', 'internal error', { Connection: 'close' });
      }
    }
  }

  /** Never throws. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    absorbErrors(socket);
    if (pathOf(req) === '/events') this.#options.followers.upgrade(req, socket, head);
    else refuseUpgrade(socket, 404, 'there is nothing to upgrade to; /events takes WebSockets');
  }

  async #route(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = pathOf(req);
    if (path.startsWith('/v2/keys')) return this.#options.followers.keys(req, res);
    const { requests } = this.#options;
    const found = path === '/' && requests !== undefined ? undefined : this.#routes.get(path);
    if (found === undefined && requests !== undefined) return requests(req, res);
    if (found === undefined) {
      return answerError(req, res, 404, 'ERR_NOT_FOUND', 'there is nothing here; GET / tells what there is');
    }
    const { methods, route } = found;
    // Handlers of event streams look at methods themselves.
    if (methods.length > 0 && !methods.includes(req.method ?? '')) {
      if (this.#options.cors !== undefined && isPreflight(req)) return this.#preflight(req, res, methods);
      const why = `the method must be ${methods.join(' or ')}`;
      return answerError(req, res, 405, 'ERR_METHOD', why, { Allow: methods.join(', ') });
    }
    await route(req, res);
  }

  #preflight(req: IncomingMessage, res: ServerResponse, methods: readonly string[]): void {
    const { cors } = this.#options;
    if (!this.#letsPage(req, res) || cors === undefined) return;
    cors.answerPreflight(req, res, methods.join(', '));
  }

  #ready(req: IncomingMessage, res: ServerResponse): void {
    const state = this.#options.state();
    if (state === 'ready') answer(req, res, 200, 'ready\n', TEXT);
    else answer(req, res, 503, `${reasonOf(this.#options.status())}\n`, { ...TEXT, 'Retry-After': '1' });
  }

  async #metrics(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!this.#letsPage(req, res)) return;
    try {
      const { contentType, text } = await this.#options.metrics.scrape();
      answer(req, res, 200, text, { 'Content-Type': contentType });
    } catch (error) {
      if (!(error instanceof MissingPackageError)) throw error;
      answerError(req, res, 501, error.code, error.message);
    }
  }

  async #streams(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (!(await this.#lets(req, res, 'inspect', []))) return;
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    try {
      answerJSON(req, res, streamsOf(await this.#options.bus.presence({ signal: gone.signal })));
    } catch (error) {
      if (!gone.signal.aborted) throw error;
    }
  }

  async #status(req: IncomingMessage, res: ServerResponse): Promise<void> {
    if (await this.#lets(req, res, 'inspect', [])) answerJSON(req, res, this.#options.status());
  }

  async #publish(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { bus, state, limits, metrics } = this.#options;
    if (!(await this.#lets(req, res, 'publish', queryOf(req).getAll('stream')))) return;
    const now = state();
    const lets = async (streams: readonly string[]): Promise<boolean> =>
      await this.#permits(req, res, 'publish', streams);
    if (now === 'ready') await publish(req, res, { bus, limits, metrics, lets });
    else answerError(req, res, 503, 'ERR_POD_NOT_READY', `the pod is ${now}`, { 'Retry-After': '1' });
  }

  /** Whether a request may go on; otherwise it was answered. */
  async #lets(
    req: IncomingMessage,
    res: ServerResponse,
    action: AccessAction,
    streams: readonly string[],
  ): Promise<boolean> {
    return this.#letsPage(req, res) && (await this.#permits(req, res, action, streams));
  }

  async #permits(
    req: IncomingMessage,
    res: ServerResponse,
    action: AccessAction,
    streams: readonly string[],
  ): Promise<boolean> {
    const verdict = await this.#options.access.check(accessOf(req, action, streams));
    if (isRefusal(verdict)) answerRefusal(req, res, verdict);
    return !isRefusal(verdict) && !res.destroyed;
  }

  #letsPage(req: IncomingMessage, res: ServerResponse): boolean {
    const { cors, allowedHosts } = this.#options;
    const refusal = pageRefusal(req, res, cors, allowedHosts);
    if (refusal !== undefined) answerError(req, res, 403, 'ERR_FORBIDDEN', refusal);
    return refusal === undefined;
  }
}

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' };

/** Why a pod is not ready. */
function reasonOf({ state, mesh }: PodStatus): string {
  if (state === 'draining') return 'draining: the pod is about to stop';
  const { links, dialFailures, refused } = mesh;
  const found = `linked to ${links} other${links === 1 ? '' : 's'}, ${dialFailures} attempts to reach others have failed`;
  return `joining: ${found}${refused === 0 ? '' : `, ${refused} of theirs were refused`}`;
}

function pathOf(req: IncomingMessage): string {
  return (req.url ?? '').split('?', 1)[0] ?? '';
}

function answerJSON(req: IncomingMessage, res: ServerResponse, value: object): void {
  answer(req, res, 200, `${JSON.stringify(value)}\n`, { 'Content-Type': 'application/json' });
}
