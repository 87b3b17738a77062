import { InvalidArgumentError } from '../../errors/index.js';
import { checkOptionNames, type OptionNames } from '../../limits/option-names.js';
import { headerOf } from './headers.js';
import { addVary, answer } from './respond.js';
import { CURSOR_HEADER, RUN_HEADER, type PushRequest, type PushResponse } from './types.js';

/** Which pages of other origins may read the responses. */
export interface CorsOptions {
  /** An origin as browsers send it (`https://app.example.com`), several, a function that knows them, or `*`. Default `*`. */
  readonly origin?: string | readonly string[] | ((origin: string) => boolean);
  /** Whether they may send cookies. Needs `origin` to be other than `*`. Default `false`. */
  readonly credentials?: boolean;
  /** Milliseconds for which a browser may remember the answer to a preflight. Default 600,000. */
  readonly maxAge?: number;
  /** Request headers that pages may set besides `Last-Event-ID`, `Cache-Control` and `Authorization`. Default: none. */
  readonly headers?: readonly string[];
}

const OPTIONS: OptionNames<CorsOptions> = { origin: true, credentials: true, maxAge: true, headers: true };
const REQUEST_HEADERS = ['Last-Event-ID', 'Cache-Control', 'Authorization'];
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/;

/** The CORS protocol of one handler (WHATWG Fetch, 3.3). */
export class CorsPolicy {
  readonly #allows: (origin: string) => boolean;
  readonly #any: boolean;
  readonly #credentials: boolean;
  readonly #maxAge: string;
  readonly #headers: string;

  /** @throws InvalidArgumentError */
  constructor(options: CorsOptions = {}) {
    checkOptionNames('cors', options, OPTIONS);
    const { origin = '*', credentials = false, maxAge = 600_000, headers = [] } = options;
    this.#any = origin === '*';
    if (this.#any && credentials) {
      throw new InvalidArgumentError(
        'cors.credentials needs cors.origin to name origins: any page could use the cookies',
      );
    }
    if (typeof maxAge !== 'number' || !(maxAge >= 0 && Number.isFinite(maxAge))) {
      throw new InvalidArgumentError(`cors.maxAge must be a number of milliseconds from 0, not ${String(maxAge)}`);
    }
    if (!Array.isArray(headers)) throw new InvalidArgumentError('cors.headers must be a list of names');
    for (const name of headers) {
      if (!TOKEN.test(name)) throw new InvalidArgumentError(`cors.headers: ${JSON.stringify(name)} is no header`);
    }
    this.#allows = matcherOf(origin);
    this.#credentials = credentials;
    this.#maxAge = String(Math.floor(maxAge / 1000));
    this.#headers = [...REQUEST_HEADERS, ...headers].join(', ');
  }

  /** Sets the headers that let the page read the response. `false`: its origin is none of those allowed. */
  apply(req: PushRequest, res: PushResponse): boolean {
    if (!this.#any) addVary(res, 'Origin');
    const origin = headerOf(req, 'origin');
    if (origin === undefined) return true;
    if (!this.#any && !this.#allows(origin)) return false;
    res.setHeader('Access-Control-Allow-Origin', this.#any ? '*' : origin);
    if (this.#credentials) res.setHeader('Access-Control-Allow-Credentials', 'true');
    res.setHeader('Access-Control-Expose-Headers', `${CURSOR_HEADER}, ${RUN_HEADER}`);
    return true;
  }

  /** Answers a preflight, after {@link apply}. */
  answerPreflight(req: PushRequest, res: PushResponse, methods: string): void {
    answer(req, res, 204, '', {
      'Access-Control-Allow-Methods': methods,
      'Access-Control-Allow-Headers': this.#headers,
      'Access-Control-Max-Age': this.#maxAge,
    });
  }
}

/** The policy of the option `cors` of a handler; none when it is `false` or absent. @throws InvalidArgumentError */
export function corsPolicy(option: boolean | CorsOptions | undefined): CorsPolicy | undefined {
  if (option === undefined || option === false) return undefined;
  if (option !== true && (typeof option !== 'object' || option === null || Array.isArray(option))) {
    throw new InvalidArgumentError("cors must be true, false, or options as { origin: 'https://app.example.com' }");
  }
  return new CorsPolicy(option === true ? {} : option);
}

/** Whether it is a browser's question in advance. */
export function isPreflight(req: PushRequest): boolean {
  return (
    req.method === 'OPTIONS' &&
    headerOf(req, 'origin') !== undefined &&
    headerOf(req, 'access-control-request-method') !== undefined
  );
}

function matcherOf(origin: string | readonly string[] | ((origin: string) => boolean)): (origin: string) => boolean {
  if (typeof origin === 'function') return (one) => origin(one) === true;
  if (typeof origin !== 'string' && !Array.isArray(origin)) {
    throw new InvalidArgumentError('cors.origin must be an origin, several, or a function');
  }
  const origins = new Set<string>(typeof origin === 'string' ? [origin] : origin);
  for (const one of origins) {
    if (one === '*' && origins.size > 1) throw new InvalidArgumentError('cors.origin: * stands alone');
    if (one !== '*' && one !== originOf(one)) {
      throw new InvalidArgumentError(
        `cors.origin: ${JSON.stringify(one)} is no origin such as https://app.example.com`,
      );
    }
  }
  return (one) => origins.has(one);
}

function originOf(text: string): string | undefined {
  try {
    const { origin } = new URL(text);
    return origin;
  } catch {
    return undefined;
  }
}
