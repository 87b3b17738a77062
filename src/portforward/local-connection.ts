import type { Socket } from 'node:net';
import type { Clock, Timer } from '../clock/clock.js';
import { within } from '../clock/deadline.js';
import { deferred } from '../clock/deferred.js';
import { ConnectionLostError, StreamResetError } from '../errors/index.js';
import type { ForwardedConnection } from './client-types.js';
import { PortForwardError, hostPort } from './errors.js';
import type { ForwardedPort } from './listeners.js';
import type { ForwardSession, RemoteEnd } from './session.js';
import { abort, splice, type SpliceFailure } from '../mux/splice.js';

/** What a {@link LocalConnection} reports. */
export interface LocalConnectionEvents {
  failed(error: Error, connection: ForwardedConnection): void;
  progress(connection: ForwardedConnection): void;
}

/** Milliseconds between reports of progress. */
const PROGRESS_PERIOD = 100;
/** Milliseconds for a session to be over, once it has failed. */
const LOSS_TIMEOUT = 5_000;
/** Milliseconds for the server to say what went wrong, or that nothing did, after the bytes have ended. */
const REASON_TIMEOUT = 1_000;

/** A connection of a local client, from its arrival to its end. */
export class LocalConnection implements ForwardedConnection {
  readonly id: number;
  readonly port: ForwardedPort;
  readonly peer: string;
  readonly closed: Promise<Error | undefined>;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #events: LocalConnectionEvents;
  readonly #abort = new AbortController();
  readonly #end = deferred<Error | undefined>();
  #reported = 0;
  #timer: Timer | undefined;

  constructor(id: number, socket: Socket, port: ForwardedPort, clock: Clock, events: LocalConnectionEvents) {
    this.id = id;
    this.port = port;
    this.peer = hostPort(socket.remoteAddress ?? '', socket.remotePort ?? 0);
    this.closed = this.#end.promise;
    this.#socket = socket;
    this.#clock = clock;
    this.#events = events;
  }

  get sentBytes(): number {
    return this.#socket.bytesRead;
  }

  get receivedBytes(): number {
    return this.#socket.bytesWritten;
  }

  abort(reason: Error = new ConnectionLostError('the connection was broken off', { initiator: 'local' })): void {
    this.#abort.abort(reason);
  }

  /** Forwards it on a session. Never rejects; settles when it is over. */
  async forward(session: (signal: AbortSignal) => Promise<ForwardSession>, watched: boolean): Promise<void> {
    const { signal } = this.#abort;
    const gone = (): void => this.abort(new ConnectionLostError('the local client is gone', { initiator: 'local' }));
    this.#socket.once('close', gone);
    if (watched) this.#watchProgress();
    let error: Error | undefined;
    try {
      const remote = await this.#connect(session, signal);
      this.#socket.off('close', gone);
      error = await this.#carry(remote);
    } catch (cause) {
      error = cause instanceof Error ? cause : new Error(String(cause));
    }
    this.#timer?.cancel();
    this.#socket.off('close', gone);
    if (error !== undefined) abort(this.#socket);
    // What this side broke off is no failure to tell of.
    if (error !== undefined && !signal.aborted) this.#events.failed(error, this);
    if (watched) this.#events.progress(this);
    this.#end.resolve(error);
  }

  /** As long as no byte was sent, a session that is lost on the way costs nothing but the wait for the next one. */
  async #connect(session: (signal: AbortSignal) => Promise<ForwardSession>, signal: AbortSignal): Promise<RemoteEnd> {
    let current = await session(signal);
    for (;;) {
      try {
        return await current.connect(this.port.remotePort, this.id, signal);
      } catch (error) {
        const lost = error instanceof ConnectionLostError && current.transport !== 'websocket' && !signal.aborted;
        if (!lost || (await within(current.closed, LOSS_TIMEOUT, this.#clock)) === undefined) throw error;
        try {
          current = await session(signal);
        } catch {
          throw error;
        }
      }
    }
  }

  /** Copies both ways; returns what went wrong. */
  async #carry(remote: RemoteEnd): Promise<Error | undefined> {
    const stop = (): void => {
      abort(remote.data);
      abort(this.#socket);
    };
    this.#abort.signal.addEventListener('abort', stop, { once: true });
    if (this.#abort.signal.aborted) stop();
    const broken = await splice(this.#socket, remote.data, { clock: this.#clock });
    if (broken !== undefined && (broken.side === 'left' || this.#abort.signal.aborted)) {
      remote.release();
      this.abort(broken.error);
      return broken.error;
    }
    const said = await within(remote.failure, REASON_TIMEOUT, this.#clock);
    remote.release();
    if (said) return new PortForwardError(this.port.remotePort, said, { cause: broken?.error });
    return broken === undefined || isOrderly(broken, remote) ? undefined : this.#explain(broken.error);
  }

  #explain(error: Error): Error {
    const stalled = error instanceof StreamResetError && error.initiator === 'local';
    if (!stalled) return error;
    const message = 'the local client did not read what came for it, and held up other connections';
    return new PortForwardError(this.port.remotePort, message, { cause: error, initiator: 'local' });
  }

  #watchProgress(): void {
    this.#timer = this.#clock.setTimeout(() => {
      const bytes = this.sentBytes + this.receivedBytes;
      if (bytes !== this.#reported) this.#events.progress(this);
      this.#reported = bytes;
      this.#watchProgress();
    }, PROGRESS_PERIOD);
  }
}

/** Whether the server had sent everything and was just done, or its carrier cannot end one direction alone. */
function isOrderly({ error }: SpliceFailure, { data }: RemoteEnd): boolean {
  return data.readableEnded && !(error instanceof StreamResetError && error.initiator === 'remote');
}
