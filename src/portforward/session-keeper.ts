import type { Clock } from '../clock/clock.js';
import { deferred, type Deferred } from '../clock/deferred.js';
import { ConnectionLostError, TimeoutError } from '../errors/index.js';
import type { CloseReason } from '../httpstream/index.js';
import type { PortForwardEnd } from './client-types.js';
import { pauseBefore, type ReconnectSettings } from './reconnect.js';
import type { ForwardSession } from './session.js';

/** What a {@link SessionKeeper} works with. */
export interface KeeperSettings {
  readonly dial: (signal: AbortSignal) => Promise<ForwardSession>;
  readonly clock: Clock;
  readonly reconnect: ReconnectSettings | undefined;
  /** The connection was lost, or an attempt to have it again failed. */
  readonly disconnected: (error: Error) => void;
  readonly reconnected: (session: ForwardSession) => void;
}

/** Milliseconds after which a connection counts as one that lasts, so that pauses begin at the shortest again. */
const LASTING = 10_000;

/**
 * Keeps a session to the server: the first one is dialled by `start()`, and with `reconnect` another whenever it is lost.
 *
 * States: up → down → up …, and ended for good: by `end()`, or when it is down and there is no other attempt.
 */
export class SessionKeeper {
  /** Settles when there will be no session any more. Never rejects. */
  readonly ended: Promise<PortForwardEnd>;
  readonly #settings: KeeperSettings;
  readonly #end: Deferred<PortForwardEnd> = deferred<PortForwardEnd>();
  readonly #stop = new AbortController();
  #session: ForwardSession | undefined;
  #next: Deferred<ForwardSession> = deferred<ForwardSession>();
  #attempt = 0;

  constructor(settings: KeeperSettings) {
    this.#settings = settings;
    this.ended = this.#end.promise;
  }

  /** Dials for the first time. @throws what dialling throws. */
  async start(): Promise<ForwardSession> {
    const session = await this.#settings.dial(this.#stop.signal);
    if (!this.#up(session)) throw this.#stop.signal.reason;
    return session;
  }

  /**
   * The session, once there is one.
   *
   * @throws ConnectionLostError when there is none, and none is waited for; TimeoutError; the signal's reason.
   */
  async session(signal: AbortSignal): Promise<ForwardSession> {
    if (this.#session !== undefined) return this.#session;
    const { reconnect, clock } = this.#settings;
    if (this.#stop.signal.aborted) throw this.#stop.signal.reason;
    if (reconnect === undefined || reconnect.meanwhile === 'refuse') {
      throw new ConnectionLostError('there is no connection to the server at the moment');
    }
    const { waitTimeout } = reconnect;
    const over = deferred<never>();
    const timer = clock.setTimeout(() => {
      over.reject(new TimeoutError(`no connection to the server within ${waitTimeout} ms`, waitTimeout));
    }, waitTimeout);
    const onAbort = (): void => over.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      return await Promise.race([this.#next.promise, over.promise]);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Ends it, with the session there is. Only the first call counts. */
  async end(end: PortForwardEnd): Promise<void> {
    if (!this.#stop.signal.aborted) {
      const reason = end.error ?? new ConnectionLostError('the port-forward was closed', { initiator: 'local' });
      this.#stop.abort(reason);
      this.#next.reject(reason);
      this.#end.resolve(end);
    }
    await this.#session?.close();
  }

  #up(session: ForwardSession): boolean {
    if (this.#stop.signal.aborted) {
      void session.close();
      return false;
    }
    this.#session = session;
    this.#next.resolve(session);
    const since = this.#settings.clock.now();
    void session.closed.then((reason) => {
      if (this.#settings.clock.now() - since >= LASTING) this.#attempt = 0;
      void this.#down(reason);
    });
    return true;
  }

  async #down(reason: CloseReason): Promise<void> {
    this.#session = undefined;
    if (this.#stop.signal.aborted) return;
    this.#next = deferred<ForwardSession>();
    let error: Error = new ConnectionLostError(`the connection to the server was lost: ${reason.kind}`, {
      cause: reason.error,
      initiator: reason.initiator,
    });
    const { reconnect, clock, dial, disconnected } = this.#settings;
    disconnected(error);
    if (reconnect === undefined) return await this.end({ kind: 'lost', error });
    while (++this.#attempt <= reconnect.maxAttempts) {
      await this.#pause(pauseBefore(this.#attempt, reconnect), clock);
      if (this.#stop.signal.aborted) return;
      try {
        const session = await dial(this.#stop.signal);
        if (this.#up(session)) this.#settings.reconnected(session);
        return;
      } catch (cause) {
        if (this.#stop.signal.aborted) return;
        error = cause instanceof Error ? cause : new Error(String(cause));
        disconnected(error);
      }
    }
    await this.end({ kind: 'lost', error });
  }

  #pause(milliseconds: number, clock: Clock): Promise<void> {
    return new Promise((resolve) => {
      const { signal } = this.#stop;
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = clock.setTimeout(done, milliseconds);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
