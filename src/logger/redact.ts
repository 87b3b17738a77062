/** Stands where a secret was. */
export const REDACTED = '[redacted]';

/** Headers whose whole value is secret. */
const SECRET_HEADERS: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
  'x-csrf-token',
  'x-xsrf-token',
  'x-amz-security-token',
  'x-goog-iap-jwt-assertion',
  'x-forwarded-access-token',
  'x-forwarded-client-cert',
]);

/** Whatever else is named like a secret. */
const SECRET_NAME = /token|secret|passw(?:or)?d|api-?key|session|signature|credential|jwt/i;

/** Kubernetes carries a bearer token as a subprotocol, for browsers can set no header: `base64url.bearer.authorization.k8s.io.<token>`. */
const BEARER_SUBPROTOCOL = /base64url\.bearer\.[^,\s]*/gi;

/** Parameters of a query that carry secrets by habit. */
const SECRET_PARAMETER =
  /^(?:access_?token|id_?token|refresh_?token|auth|authorization|code|jwt|key|sig|state|ticket)$|token|secret|passw(?:or)?d|api-?_?key|session|signature|credential/i;

/** Header names with their values, as `IncomingMessage.headers` has them. */
export type HeaderValues = Readonly<Record<string, string | readonly string[] | undefined>>;

/**
 * A copy of headers that may be logged: credentials, cookies and what is named like a secret are replaced by
 * `[redacted]`, and of subprotocols those that carry a token (`base64url.bearer…`).
 */
export function redactHeaders(headers: HeaderValues): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = redactHeader(name, value);
  }
  return result;
}

function redactHeader(name: string, value: string | readonly string[]): string {
  const lower = name.toLowerCase();
  const text = typeof value === 'string' ? value : value.join(', ');
  if (lower === 'sec-websocket-protocol') return redactSubprotocols(text);
  return SECRET_HEADERS.has(lower) || SECRET_NAME.test(lower) ? REDACTED : text;
}

/** A `Sec-WebSocket-Protocol` that may be logged: tokens in it are replaced, the protocols stay. */
export function redactSubprotocols(value: string): string {
  return value.replaceAll(BEARER_SUBPROTOCOL, `base64url.bearer.${REDACTED}`);
}

/**
 * The target of a request, as it may be logged: a user and password before the host, and the values of parameters that are
 * named like a secret, are replaced by `[redacted]`. Never throws: what cannot be read is cut off behind the path.
 */
export function redactURL(url: string): string {
  const query = url.indexOf('?');
  const path = (query === -1 ? url : url.slice(0, query)).replace(
    /^([a-z][a-z\d+.-]*:)?\/\/[^/@]*@/i,
    `$1//${REDACTED}@`,
  );
  if (query === -1) return path;
  const pairs = url
    .slice(query + 1)
    .split('&')
    .map((pair) => {
      const equals = pair.indexOf('=');
      if (equals === -1) return pair;
      const name = pair.slice(0, equals);
      return SECRET_PARAMETER.test(decoded(name)) ? `${name}=${REDACTED}` : pair;
    });
  return `${path}?${pairs.join('&')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // Not to be read, so it may be anything.
    return 'secret';
  }
}
