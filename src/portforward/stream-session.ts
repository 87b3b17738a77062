import type { Clock } from '../clock/clock.js';
import { within } from '../clock/deadline.js';
import { StreamResetError } from '../errors/index.js';
import type { CloseReason, Connection, Stream } from '../httpstream/index.js';
import { readErrorText } from './error-text.js';
import { PortForwardError } from './errors.js';
import { ERROR_SCOPE, ERROR_SCOPE_CONNECTION, PORT, REQUEST_ID, STREAM_TYPE } from './protocol.js';
import type { PortForwardTransport } from './protocol.js';
import type { ForwardSession, RemoteEnd } from './session.js';
import { Watchdog } from './watchdog.js';

/** Milliseconds for the reason of a refusal to follow it. */
const REASON_TIMEOUT = 1_000;

/** How many connections a session carries or is about to. */
export interface Load {
  connections: number;
}

/** Settings of a {@link StreamForwardSession}. */
export interface StreamSessionSettings {
  readonly transport: PortForwardTransport;
  readonly clock: Clock;
  readonly deadTimeout: number;
  /** Bytes kept of what the server says of a failure. */
  readonly errorBytes: number;
  /** Kept up to date, for the stall policy of the connection. */
  readonly load: Load;
}

/**
 * The client's end of port-forward over the streams of one connection.
 *
 * Source: client-go `tools/portforward/portforward.go`, `handleConnection`.
 */
export class StreamForwardSession implements ForwardSession {
  readonly transport: PortForwardTransport;
  readonly closed: Promise<CloseReason>;
  readonly #connection: Connection;
  readonly #settings: StreamSessionSettings;
  #received = 0;

  constructor(connection: Connection, settings: StreamSessionSettings) {
    this.#connection = connection;
    this.#settings = settings;
    this.transport = settings.transport;
    this.closed = connection.closed;
    const { clock, deadTimeout } = settings;
    if (deadTimeout === 0) return;
    const watchdog = new Watchdog(clock, deadTimeout, {
      ping: () => connection.ping(),
      progress: () => this.#received,
      dead: () => void connection.close(),
    });
    void this.closed.then(() => watchdog.stop());
  }

  async connect(port: number, id: number, signal: AbortSignal): Promise<RemoteEnd> {
    const remote = await this.#counted(this.#connect(port, id, signal));
    remote.data.once('close', () => this.#settings.load.connections--);
    return remote;
  }

  /** Counts a connection from now on, unless it fails. */
  async #counted(connecting: Promise<RemoteEnd>): Promise<RemoteEnd> {
    const { load } = this.#settings;
    load.connections++;
    try {
      return await connecting;
    } catch (error) {
      load.connections--;
      throw error;
    }
  }

  async #connect(port: number, id: number, signal: AbortSignal): Promise<RemoteEnd> {
    signal.throwIfAborted();
    const common = { [PORT]: String(port), [REQUEST_ID]: String(id) };
    const error = this.#connection.openStream({
      [STREAM_TYPE]: 'error',
      ...common,
      [ERROR_SCOPE]: ERROR_SCOPE_CONNECTION,
    });
    const failure = readErrorText(error, this.#settings.errorBytes);
    // Nothing is ever sent there.
    error.end();
    const abandon = new AbortController();
    const onAbort = (): void => abandon.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const opened = this.#connection.createStream({ [STREAM_TYPE]: 'data', ...common }, { signal: abandon.signal });
      // One without the other would wait for it in vain.
      const [data] = await Promise.all([opened, error.accepted]);
      this.#watch(data, failure);
      return { data, failure, release: () => error.reset() };
    } catch (cause) {
      abandon.abort();
      const refused = cause instanceof StreamResetError;
      const message = refused ? await within(failure, REASON_TIMEOUT, this.#settings.clock) : '';
      error.reset();
      if (message) throw new PortForwardError(port, message, { cause });
      throw cause;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  #watch(data: Stream, failure: Promise<string>): void {
    data.on('data', (chunk: Buffer) => {
      this.#received += chunk.length;
    });
    // The listener alone would make it flow; whoever reads decides.
    data.pause();
    // A server that ends both streams is done. One in Go reads no more, and what we still sent would block it.
    void failure.then(() => {
      if (data.readableEnded) data.reset();
      else data.once('end', () => data.reset());
    });
  }
}
