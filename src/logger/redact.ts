/** Stands where a secret was. */
export const REDACTED = '[redacted]';

/** Names of headers whose whole value is secret, by habit or by rule. */
const SECRET_HEADER =
  /authoriz|authentic|cookie|client-cert|token|secret|passw(?:or)?d|api-?key|session|signature|credential|jwt/i;

/** Kubernetes carries a bearer token as a subprotocol, for browsers can set no header: `base64url.bearer.authorization.k8s.io.<token>`. */
const BEARER_SUBPROTOCOL = /base64url\.bearer\.[^,\s]*/gi;

/** Parameters of a query that carry secrets by habit. */
const SECRET_PARAMETER =
  /^(?:access_?token|id_?token|refresh_?token|auth|authorization|code|jwt|key|sig|state|ticket)$|token|secret|passw(?:or)?d|api-?_?key|session|signature|credential/i;

/** User and password before a host. */
const USER = /^([a-z][a-z\d+.-]*:)?\/\/[^/]*@/i;

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
  const text = typeof value === 'string' ? value : value.join(', ');
  if (name.toLowerCase() === 'sec-websocket-protocol') return redactSubprotocols(text);
  return SECRET_HEADER.test(name) ? REDACTED : text;
}

/** A `Sec-WebSocket-Protocol` that may be logged: tokens in it are replaced, the protocols stay. */
export function redactSubprotocols(value: string): string {
  return value.replaceAll(BEARER_SUBPROTOCOL, `base64url.bearer.${REDACTED}`);
}

/**
 * The target of a request as it may be logged: user and password before the host, and the values of parameters that are
 * named like a secret, are replaced by `[redacted]`; a fragment is left out. Takes anything, and never throws.
 */
export function redactURL(url: string): string {
  const whole = url.split('#', 1)[0] ?? '';
  const query = whole.indexOf('?');
  const path = (query === -1 ? whole : whole.slice(0, query)).replace(USER, `$1//${REDACTED}@`);
  if (query === -1) return path;
  const pairs = whole.slice(query + 1).split('&');
  return `${path}?${pairs.map(redactPair).join('&')}`;
}

function redactPair(pair: string): string {
  const equals = pair.indexOf('=');
  if (equals === -1) return pair;
  const name = pair.slice(0, equals);
  return SECRET_PARAMETER.test(decoded(name)) ? `${name}=${REDACTED}` : pair;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // Not to be read, so it may be anything.
    return 'secret';
  }
}
