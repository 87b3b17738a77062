import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Clock } from '../clock/clock.js';
import { HEADER_PROTOCOL_VERSION, handshake, type CloseReason, type Connection } from '../httpstream/index.js';
import type { SpdyResponseUpgrader } from '../spdy/index.js';
import { protocolNamed } from './protocol.js';
import { StreamCollector } from './stream-collector.js';
import { within } from './deadline.js';
import type { RemoteCommandProtocol, RemoteCommandRequest, RemoteCommandStreams } from './types.js';

/** What serving over SPDY needs. */
export interface ServeSpdyOptions {
  readonly upgrader: SpdyResponseUpgrader;
  readonly protocols: readonly RemoteCommandProtocol[];
  readonly creationTimeout: number;
  readonly drainTimeout: number;
  readonly closeTimeout: number;
  readonly clock: Clock;
}

/**
 * Upgrades a request to SPDY and waits for the client's streams. `undefined`: the request was refused, the client
 * went away, or it did not open its streams in time.
 *
 * @throws HandshakeError, before anything is sent, when there is no common protocol.
 */
export async function acceptSpdyStreams(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  request: RemoteCommandRequest,
  options: ServeSpdyOptions,
): Promise<RemoteCommandStreams | undefined> {
  const name = handshake(req, options.protocols);
  const protocol = protocolNamed(name) ?? 'channel.k8s.io';
  const collector = new StreamCollector(request, protocol);
  const connection = options.upgrader.upgradeResponse(req, socket, head, collector.handle, {
    [HEADER_PROTOCOL_VERSION]: name,
  });
  if (connection === undefined) return undefined;
  const opened = collector.complete.then(() => true);
  const closed = connection.closed.then(() => false);
  if ((await within(Promise.race([opened, closed]), options.creationTimeout, options.clock)) === true) {
    return new SpdyStreams(connection, socket, collector, protocol, options);
  }
  await connection.close();
  return undefined;
}

/** The server's end of a session over SPDY. */
class SpdyStreams implements RemoteCommandStreams {
  readonly protocol: RemoteCommandProtocol;
  readonly stdin: Duplex | undefined;
  readonly stdout: Duplex | undefined;
  readonly stderr: Duplex | undefined;
  readonly resize: Duplex | undefined;
  readonly error: Duplex;
  readonly closed: Promise<CloseReason>;
  readonly #connection: Connection;
  readonly #socket: Duplex;
  readonly #options: ServeSpdyOptions;

  constructor(
    connection: Connection,
    socket: Duplex,
    collector: StreamCollector,
    protocol: RemoteCommandProtocol,
    options: ServeSpdyOptions,
  ) {
    this.#connection = connection;
    this.#socket = socket;
    this.#options = options;
    this.protocol = protocol;
    this.stdin = collector.get('stdin');
    this.stdout = collector.get('stdout');
    this.stderr = collector.get('stderr');
    this.resize = collector.get('resize');
    this.error = collector.get('error') as Duplex;
    this.closed = connection.closed;
  }

  async close(): Promise<void> {
    // A client takes the end of stdin's return side as the end of the session, so it must come after everything else.
    for (const stream of [this.stdin, this.resize]) if (stream?.writable) stream.end();
    const { drainTimeout, closeTimeout, clock } = this.#options;
    // The client says goodbye once it has everything. Closing first could make the kernel answer what it still sends
    // with a reset, which would swallow the tail of the output on its side. The answer to a ping, which travels behind
    // that tail, tells that it has arrived.
    const abandoned = new AbortController();
    const arrived = this.#connection.ping({ signal: abandoned.signal }).catch(() => {});
    await within(Promise.race([arrived, this.closed]), drainTimeout, clock);
    abandoned.abort();
    await within(this.closed, closeTimeout, clock);
    await this.#connection.close();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
