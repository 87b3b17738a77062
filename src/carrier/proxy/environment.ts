import { InvalidArgumentError } from '../../errors/index.js';
import { parseNoProxy } from './no-proxy.js';

/** Environment variables, as `process.env` has them. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the proxy variables of an environment, once, and returns a function for the `proxy` option of requests and targets:
 *
 * ```ts
 * await exec({ server, pod, proxy: proxyFromEnvironment() }, { command: ['date'] });
 * ```
 *
 * Nothing here reads the environment unless this is called: a variable that was set for some other program must not
 * decide over who sees a cluster's traffic.
 *
 * `HTTPS_PROXY` is for `https:` and `wss:`, `HTTP_PROXY` for `http:` and `ws:`, `ALL_PROXY` for both where they are unset
 * or empty; the names in lower case come first. A value is a URL, or `host[:port]` of an HTTP proxy. `NO_PROXY` lists what
 * is reached directly: `*`, domains (with a leading dot only what is below them), IP addresses, CIDR prefixes; `host:port`
 * for one port. `localhost` and loopback addresses are always reached directly.
 *
 * Source: golang.org/x/net `http/httpproxy`; `ALL_PROXY` as in curl.
 *
 * @throws InvalidArgumentError, when the function is called, for a value that is no URL and would be used, and for the
 * `HTTP_PROXY` of a CGI program (`REQUEST_METHOD` is set), where a `Proxy` header of any client ends up.
 */
export function proxyFromEnvironment(env: Environment = process.env): (url: URL) => URL | undefined {
  const direct = parseNoProxy(valueOf(env, 'NO_PROXY') ?? '');
  const all = variable(env, 'ALL_PROXY');
  const http = variable(env, 'HTTP_PROXY');
  const https = variable(env, 'HTTPS_PROXY') ?? all;
  const isCgi = (env['REQUEST_METHOD'] ?? '') !== '';
  return (url) => {
    const secure = url.protocol === 'https:' || url.protocol === 'wss:';
    if (!secure && url.protocol !== 'http:' && url.protocol !== 'ws:') return undefined;
    const proxy = secure ? https : (http ?? all);
    if (proxy === undefined) return undefined;
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (direct(host, url.port === '' ? (secure ? '443' : '80') : url.port)) return undefined;
    if (!secure && http !== undefined && isCgi) {
      throw new InvalidArgumentError('HTTP_PROXY is not to be trusted in a CGI program: any client can set it');
    }
    return proxy();
  };
}

function valueOf(env: Environment, name: string): string | undefined {
  return env[name.toLowerCase()] || env[name] || undefined;
}

/** The address in a variable; it is read when it is needed, so that a mistake in it harms nobody else. */
function variable(env: Environment, name: string): (() => URL) | undefined {
  const value = valueOf(env, name)?.trim();
  if (value === undefined || value === '') return undefined;
  const address = /^[a-z][-+.a-z0-9]*:\/\//i.test(value) ? value : `http://${value}`;
  return () => {
    // The value can hold credentials, so it is shown nowhere.
    if (!URL.canParse(address)) throw new InvalidArgumentError(`${name} is not the address of a proxy`);
    return new URL(address);
  };
}
