import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Connection, IncomingStream } from '../httpstream/index.js';
import { WebSocketResponseUpgrader, YAMUX_HEADERS_SUBPROTOCOL } from '../websocket/index.js';
import type { DashboardSettings } from './options.js';
import type { Source, Sources } from './sources.js';

/** Path of the tunnel. */
export const TUNNEL_PATH = '/tunnel';

/**
 * Many streams of events in one WebSocket, for browsers have no more than six connections of HTTP/1.1 to a server.
 *
 * A stream's headers name what it is to bring: `path`, with its query, and `last-event-id`. What comes back is a line of
 * JSON with `status` and `headers`, then the body as it is. A body that breaks off resets the stream.
 */
export class Tunnel {
  readonly #sources: Sources;
  readonly #upgrader: WebSocketResponseUpgrader;
  readonly #connections = new Set<Connection>();

  constructor({ allowedHosts, clock }: DashboardSettings, sources: Sources) {
    this.#sources = sources;
    this.#upgrader = new WebSocketResponseUpgrader({
      protocols: [YAMUX_HEADERS_SUBPROTOCOL],
      allowedHosts: [...allowedHosts],
      clock,
    });
  }

  /** Serves a request that was let through, or refuses it. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = this.#upgrader.upgradeResponse(req, socket, head, (stream) => this.#serve(stream));
    if (connection === undefined) return;
    this.#connections.add(connection);
    void connection.closed.then(() => this.#connections.delete(connection));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#connections].map((connection) => connection.close()));
  }

  async #serve(stream: IncomingStream): Promise<void> {
    const gone = new AbortController();
    stream.once('close', () => gone.abort());
    // Nothing is asked beyond the headers.
    stream.resume();
    const [path = '', ...query] = (stream.headers.get('path') ?? '').split('?');
    const source = await this.#sources.open({
      path,
      search: query.length === 0 ? '' : `?${query.join('?')}`,
      lastEventId: stream.headers.get('last-event-id') || undefined,
      signal: gone.signal,
    });
    if (source === undefined) {
      stream.reset('refused');
      return;
    }
    await send(stream, source);
  }
}

async function send(stream: IncomingStream, { status, headers, body }: Source): Promise<void> {
  stream.write(`${JSON.stringify({ status, headers })}\n`);
  try {
    await pipeline(body, stream);
  } catch {
    // Either the pod went away, which the page has to see, or the page did.
    if (!stream.destroyed) stream.reset('internal-error');
  }
}
