import { InvalidArgumentError } from '../errors/index.js';

/** Subprotocol of yamux whose streams carry headers, by the preface of docs/wire/yamux.md. */
export const YAMUX_HEADERS_SUBPROTOCOL = 'yamux-headers.v1';
/** Subprotocol of plain yamux, for any peer that speaks it. */
export const YAMUX_SUBPROTOCOL = 'yamux';
/** Subprotocol of SPDY/3.1 between two ends of ours; its bytes are those of Kubernetes' tunnel. */
export const SPDY_SUBPROTOCOL = 'spdy.3.1';

/** A subprotocol that names an engine inside a WebSocket. */
export type EngineSubprotocol = typeof YAMUX_HEADERS_SUBPROTOCOL | typeof YAMUX_SUBPROTOCOL | typeof SPDY_SUBPROTOCOL;

/** What a server offers by default: all there are. The order of the client decides. */
export const ENGINE_SUBPROTOCOLS: readonly EngineSubprotocol[] = Object.freeze([
  YAMUX_HEADERS_SUBPROTOCOL,
  SPDY_SUBPROTOCOL,
  YAMUX_SUBPROTOCOL,
]);

/** What a client offers by default: those whose streams carry headers. */
export const DEFAULT_CLIENT_SUBPROTOCOLS: readonly EngineSubprotocol[] = Object.freeze([
  YAMUX_HEADERS_SUBPROTOCOL,
  SPDY_SUBPROTOCOL,
]);

/**
 * Prefix of Kubernetes' tunnels: SPDY/3.1 inside a WebSocket, followed by the stream protocol (apimachinery
 * `httpstream/wsstream`, apiserver `proxy/streamtunnel.go`). Such names are no tokens (RFC 9110, 5.6.2).
 */
export const TUNNEL_PREFIX = 'SPDY/3.1+';
/** Kubernetes' tunnel for port-forward. */
export const PORT_FORWARD_TUNNEL_SUBPROTOCOL = 'SPDY/3.1+portforward.k8s.io';

/** The engine that a server's answer names; `undefined` for anything else. */
export function engineSubprotocol(name: string | undefined): EngineSubprotocol | undefined {
  return ENGINE_SUBPROTOCOLS.find((known) => known === name);
}

/** @throws InvalidArgumentError for none, an unknown one, or one that is listed twice. */
export function checkEngineSubprotocols(protocols: readonly string[]): void {
  if (protocols.length === 0) throw new InvalidArgumentError('at least one subprotocol is needed');
  for (const name of protocols) {
    if (engineSubprotocol(name) === undefined) {
      const known = ENGINE_SUBPROTOCOLS.join(', ');
      throw new InvalidArgumentError(`unknown subprotocol ${JSON.stringify(name)}; known: ${known}`);
    }
  }
  if (new Set(protocols).size !== protocols.length) throw new InvalidArgumentError('a subprotocol is listed twice');
}
