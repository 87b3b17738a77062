import { ServerResponse } from 'node:http';
import { InvalidArgumentError } from '../../errors/index.js';
import type { Logger } from '../../logger/logger.js';
import { requestFields } from '../diagnostics/request-fields.js';
import { acceptsType } from './accept.js';
import { askAuthorize, isRefusal, type Authorize } from './authorize.js';
import { corsPolicy, isPreflight, type CorsOptions, type CorsPolicy } from './cors.js';
import { BadRequestError } from './errors.js';
import { handlerLogger } from './handler-logger.js';
import { headerOf } from './headers.js';
import { pageRefusal } from './page-check.js';
import { checkStreamOption, requestedStreams, type StreamOption } from './request.js';
import { RequestCounter } from './request-counter.js';
import { answerError, answerFailure, answerFollowFailure, answerRefusal } from './respond.js';
import type { PushRequest, PushResponse } from './types.js';

/** Which requests a handler serves; the same for all handlers. */
export interface GateOptions {
  /** Which streams a request is about. Default: its query parameters `stream`, at least one. */
  readonly stream?: StreamOption;
  /**
   * Whether clients may put patterns (`orders.*`) into the query. An `authorize` hook is given them as they are and must
   * know what they match. Default `false`.
   */
  readonly wildcards?: boolean;
  /** Decides about each request before anything is followed or buffered. Default: everybody may follow. */
  readonly authorize?: Authorize;
  /**
   * Pages of which other origins may use the handler: `true` for all, without cookies. Default `false`: their requests get
   * 403, unless a middleware has set `Access-Control-Allow-Origin`.
   */
  readonly cors?: boolean | CorsOptions;
  /**
   * Names under which the server is reached, without port; requests for others get 403, addresses and `localhost` excepted.
   * Default: any name, except for pages that reach a loopback address under a name that is not `localhost`: a stranger can
   * point a name of his there (DNS rebinding). A reverse proxy on the same machine that passes the Host on needs this.
   */
  readonly allowedHosts?: readonly string[];
  /** Default: errors of hooks are warnings of the process, each once; nothing else is told. */
  readonly logger?: Logger;
}

/** Its parts that are not for users to set. */
export interface GateSettings {
  readonly methods: readonly string[];
  /** The media types that the response may have; `Accept` must not refuse all of them. */
  readonly types: readonly [string, ...string[]];
  readonly maxClients: number;
  readonly maxClientsPerConnection: number;
}

/** Serves a request that was let through. What it throws is answered as what `follow` throws. */
export type Open = (req: PushRequest, res: PushResponse, streams: readonly string[], peer: string | undefined) => void;

/** Lets requests through to a handler, or answers them. A request that is refused costs its answer and nothing more. */
export class Gate {
  readonly logger: Logger;
  readonly #options: GateOptions;
  readonly #settings: GateSettings;
  readonly #cors: CorsPolicy | undefined;
  readonly #hosts: ReadonlySet<string> | undefined;
  readonly #counter: RequestCounter;
  readonly #allow: string;
  readonly #open: Open;
  #lastStreams: readonly string[] = [];

  /** @throws InvalidArgumentError */
  constructor(options: GateOptions, settings: GateSettings, open: Open) {
    const { authorize, allowedHosts, cors, logger, stream, wildcards } = options;
    if (authorize !== undefined && typeof authorize !== 'function') {
      throw new InvalidArgumentError('authorize must be a function');
    }
    if (wildcards !== undefined && typeof wildcards !== 'boolean') {
      throw new InvalidArgumentError(`wildcards must be true or false, not ${String(wildcards)}`);
    }
    checkStreamOption(stream);
    this.logger = handlerLogger(logger);
    this.#options = options;
    this.#settings = settings;
    this.#cors = corsPolicy(cors);
    this.#hosts = hostsOf(allowedHosts);
    this.#counter = new RequestCounter(settings.maxClients, settings.maxClientsPerConnection);
    this.#allow = [...settings.methods, ...(this.#cors === undefined ? [] : ['OPTIONS'])].join(', ');
    this.#open = open;
  }

  /** Never throws. */
  enter(req: PushRequest, res: PushResponse): void {
    // A client that goes away while it is answered is no error of anybody's.
    res.on('error', ignore);
    // It must hold nothing before: such a response is told nothing when its connection closes.
    if (waitsForItsTurn(res)) res.once('socket', () => this.#serve(req, res));
    else this.#serve(req, res);
  }

  #serve(req: PushRequest, res: PushResponse): void {
    try {
      if (this.#refuses(req, res)) return;
      const streams = this.#sameAsBefore(requestedStreams(req, this.#options.stream, this.#options));
      if (this.#options.authorize === undefined) this.#pass(req, res, streams, undefined);
      else void this.#ask(this.#options.authorize, req, res, streams);
    } catch (error) {
      if (error instanceof BadRequestError) this.#tellRefusal(req, error.message);
      answerFailure(req, res, error, this.logger);
    }
  }

  /** @returns whether the request was answered. */
  #refuses(req: PushRequest, res: PushResponse): boolean {
    const { methods, types } = this.#settings;
    const foreign = pageRefusal(req, res, this.#cors, this.#hosts);
    if (foreign !== undefined) {
      this.#tellRefusal(req, foreign);
      answerError(req, res, 403, 'ERR_FORBIDDEN', foreign);
    } else if (this.#cors !== undefined && isPreflight(req)) {
      this.#cors.answerPreflight(req, res, methods.join(', '));
    } else if (!methods.includes(req.method ?? '')) {
      answerError(req, res, 405, 'ERR_METHOD', `the method must be ${methods.join(' or ')}`, { Allow: this.#allow });
    } else if (!acceptsOne(headerOf(req, 'accept'), types)) {
      answerError(req, res, 406, 'ERR_NOT_ACCEPTABLE', `only ${types.join(' and ')} can be had here`);
    } else {
      const full = this.#counter.enter(req, res);
      if (full === undefined) return false;
      answerError(req, res, full, 'ERR_TOO_MANY_CLIENTS', 'too many clients', { 'Retry-After': '5' });
    }
    return true;
  }

  /** Clients decide how often this happens: no more than a hint for debugging, and nothing at all without a logger. */
  #tellRefusal(req: PushRequest, why: string): void {
    if (this.#options.logger === undefined) return;
    this.logger.debug({ request: requestFields(req), why }, 'a push request was refused');
  }

  /** Followers keep their streams, and most ask for the same. */
  #sameAsBefore(streams: readonly string[]): readonly string[] {
    const before = this.#lastStreams;
    if (before.length === streams.length && before.every((name, index) => name === streams[index])) return before;
    this.#lastStreams = streams;
    return streams;
  }

  async #ask(hook: Authorize, req: PushRequest, res: PushResponse, streams: readonly string[]): Promise<void> {
    try {
      const verdict = await askAuthorize(hook, req, streams);
      if (isRefusal(verdict)) {
        this.#tellRefusal(req, `authorize refused it with ${verdict.status}`);
        answerRefusal(req, res, verdict);
      } else this.#pass(req, res, streams, verdict.peer);
    } catch (error) {
      answerFailure(req, res, error, this.logger);
    }
  }

  #pass(req: PushRequest, res: PushResponse, streams: readonly string[], peer: string | undefined): void {
    // It may have gone away, or been answered, while the hook was asked.
    if (res.destroyed || res.closed || res.headersSent) return;
    // A body would fill the socket, which then would not tell that the client goes away.
    if (hasBody(req)) req.resume();
    try {
      this.#open(req, res, streams, peer ?? req.socket?.remoteAddress);
    } catch (error) {
      answerFollowFailure(req, res, error, this.logger);
    }
  }
}

function ignore(): void {}

function acceptsOne(field: string | undefined, types: readonly string[]): boolean {
  return types.some((type) => acceptsType(field, type));
}

function hostsOf(names: readonly string[] | undefined): ReadonlySet<string> | undefined {
  if (names === undefined) return undefined;
  if (!Array.isArray(names) || !names.every((name) => typeof name === 'string')) {
    throw new InvalidArgumentError('allowedHosts must be a list of names');
  }
  return new Set(names.map((name) => name.toLowerCase()));
}

/** Whether earlier requests of a pipeline are still being answered. */
function waitsForItsTurn(res: PushResponse): boolean {
  return res instanceof ServerResponse && res.socket === null && !res.writableEnded;
}

function hasBody(req: PushRequest): boolean {
  return headerOf(req, 'transfer-encoding') !== undefined || Number(headerOf(req, 'content-length') ?? 0) > 0;
}
