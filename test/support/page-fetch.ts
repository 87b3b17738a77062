import { InvalidArgumentError } from '../../src/sse/index.js';

/** Makes the requests of a page: `fetch` as the EventSource of this package takes it. */
export type PageFetch = (url: string, init: RequestInit) => Promise<Response>;

/** Node's: a page has this one's result in its place. */
const nodeFetch = fetch;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 20;
/** What a header must not hold if a request is to go without a preflight (Fetch, 2.2.2). */
const UNSAFE_BYTES = /[\0-\x08\x10-\x1f"():<>?@[\\\]{}\x7f]/;

/**
 * What a browser has between a page and Node's `fetch`, as far as event streams need it: cookies of each host, sent to
 * other origins only if asked to, and the checks of CORS with the preflight of Last-Event-ID.
 */
export function pageFetch(pageOrigin: string): PageFetch {
  const cookies = new CookieJar();

  async function request(url: URL, init: RequestInit): Promise<Response> {
    const foreign = url.origin !== pageOrigin;
    const headers = new Headers(init.headers);
    const credentials = !foreign || init.credentials === 'include';
    if (credentials) cookies.addTo(headers, url.hostname);
    if (!foreign) {
      const response = await nodeFetch(url, { ...init, headers });
      cookies.store(url.hostname, response);
      if (new URL(response.url).origin !== pageOrigin) check(response, false);
      return response;
    }
    headers.set('Origin', pageOrigin);
    if (needsPreflight(headers)) await preflight(url, init);
    const response = await nodeFetch(url, { ...init, headers, redirect: 'manual' });
    check(response, init.credentials === 'include');
    if (credentials) cookies.store(url.hostname, response);
    return response;
  }

  async function preflight(url: URL, { signal, credentials }: RequestInit): Promise<void> {
    const headers = {
      Origin: pageOrigin,
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'last-event-id',
    };
    const response = await nodeFetch(url, { method: 'OPTIONS', headers, signal: signal ?? null });
    check(response, credentials === 'include');
    const allowed = response.headers.get('access-control-allow-headers') ?? '';
    if (!response.ok || !/(?:^|[\s,])last-event-id(?:$|[\s,])/i.test(allowed)) throw refusal(url.href);
  }

  function check(response: Response, credentials: boolean): void {
    const { headers, url } = response;
    const allowed = headers.get('access-control-allow-origin');
    if (allowed !== pageOrigin && (allowed !== '*' || credentials)) throw refusal(url);
    if (credentials && headers.get('access-control-allow-credentials') !== 'true') throw refusal(url);
  }

  return async (href, init) => {
    let url = new URL(href);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops += 1) {
      const response = await request(url, init);
      const location = response.headers.get('location');
      if (!REDIRECTS.has(response.status) || location === null) return response;
      await response.body?.cancel();
      url = new URL(location, url);
    }
    throw new TypeError(`too many redirects from ${href}`);
  };
}

function needsPreflight(headers: Headers): boolean {
  const id = headers.get('last-event-id');
  return id !== null && (id.length > 128 || UNSAFE_BYTES.test(id));
}

/** Unlike other network errors one that no further attempt can change. */
const refusal = (url: string): InvalidArgumentError =>
  new InvalidArgumentError(`the page's origin may not read ${url}`);

/** Names and values by host. */
class CookieJar {
  readonly #cookies = new Map<string, Map<string, string>>();

  addTo(headers: Headers, host: string): void {
    const pairs = [...(this.#cookies.get(host) ?? [])].map(([name, value]) => `${name}=${value}`);
    if (pairs.length > 0) headers.set('Cookie', pairs.join('; '));
  }

  store(host: string, response: Response): void {
    const kept = this.#cookies.get(host) ?? new Map<string, string>();
    this.#cookies.set(host, kept);
    for (const cookie of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=;]*)=([^;]*)/.exec(cookie) ?? [];
      if (/;\s*max-age=0/i.test(cookie)) kept.delete(name);
      else kept.set(name, value);
    }
  }
}
