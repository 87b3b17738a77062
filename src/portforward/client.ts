import type { Socket } from 'node:net';
import { systemClock, type Clock } from '../clock/clock.js';
import { ConnectionLostError, InvalidArgumentError } from '../errors/index.js';
import { TARGET_NAMES } from '../carrier/target.js';
import { resolveLimits } from '../limits/limits.js';
import { checkOptionNames, type OptionNames } from '../limits/option-names.js';
import type {
  ForwardedConnection,
  PortForward,
  PortForwardEnd,
  PortForwardOptions,
  PortForwardTarget,
} from './client-types.js';
import { checkTarget, dialSession } from './dial-session.js';
import { Listeners, type ForwardedPort } from './listeners.js';
import { parseAddresses, parsePortSpecs, type PortSpec } from './listen-spec.js';
import { LocalConnection } from './local-connection.js';
import type { PortForwardTransport } from './protocol.js';
import { resolveReconnect } from './reconnect.js';
import { SessionKeeper } from './session-keeper.js';
import { milliseconds } from './settings.js';

const OPTIONS: OptionNames<PortForwardOptions> = {
  addresses: true,
  transport: true,
  reconnect: true,
  signal: true,
  onConnection: true,
  onConnectionError: true,
  onProgress: true,
  onDisconnect: true,
  onReconnect: true,
  pingPeriod: true,
  pingTimeout: true,
  deadTimeout: true,
  stallTimeout: true,
  limits: true,
  clock: true,
};
const TRANSPORTS: readonly string[] = ['auto', 'tunnel', 'spdy', 'websocket'];

/**
 * Listens on local ports and forwards what connects there to ports of a pod, all over one connection to the server.
 * Resolves when it listens.
 *
 * ```ts
 * await using forward = await portForward({ server: 'http://127.0.0.1:8001', pod: 'web-0' }, '8080:80');
 * ```
 *
 * Each direction of a connection ends on its own, as with TCP (not on `websocket`). A connection that fails, because
 * nothing listens on the pod's port for example, is reset, so that its client does not take what it got for everything;
 * `onConnectionError` says why, and the others go on. When the connection to the server is lost, all that were open
 * fail; then the port-forward ends, or connects again with `reconnect`.
 *
 * Rejects with
 * - InvalidArgumentError for an unusable target, port, address or option, before anything is sent;
 * - UpgradeFailureError when the server does not upgrade, showing both attempts' failures with `auto`;
 * - ListenError for a local address that cannot be listened on;
 * - the signal's reason, or what dialling threw.
 *
 * Source: client-go `tools/portforward`.
 */
export async function portForward(
  target: PortForwardTarget,
  specs: PortSpec | readonly PortSpec[],
  options: PortForwardOptions = {},
): Promise<PortForward> {
  checkOptionNames('portForward', options, OPTIONS, TARGET_NAMES);
  options.signal?.throwIfAborted();
  const mappings = parsePortSpecs(specs);
  const addresses = parseAddresses(options.addresses ?? 'localhost');
  checkTarget(target);
  const forwarder = new Forwarder(target, options);
  try {
    await forwarder.start((listeners) => listeners.listen(mappings, addresses));
    return forwarder;
  } catch (error) {
    await forwarder.close();
    options.signal?.throwIfAborted();
    throw error;
  }
}

class Forwarder implements PortForward {
  readonly closed: Promise<PortForwardEnd>;
  readonly #options: PortForwardOptions;
  readonly #clock: Clock;
  readonly #listeners: Listeners;
  readonly #keeper: SessionKeeper;
  readonly #connections = new Set<LocalConnection>();
  #transport: PortForwardTransport = 'spdy';
  #nextId = 0;

  constructor(target: PortForwardTarget, options: PortForwardOptions) {
    const { transport = 'auto', clock = systemClock } = options;
    if (!TRANSPORTS.includes(transport)) {
      throw new InvalidArgumentError(`transport must be one of ${TRANSPORTS.join(', ')}, not ${String(transport)}`);
    }
    const deadTimeout = milliseconds('deadTimeout', options.deadTimeout, 60_000);
    const settings = {
      target,
      transport,
      clock,
      deadTimeout,
      limits: resolveLimits({ writeTimeout: Math.ceil(deadTimeout), ...options.limits }),
      pingPeriod: milliseconds('pingPeriod', options.pingPeriod, 10_000),
      pingTimeout: milliseconds('pingTimeout', options.pingTimeout, 10_000),
      stallTimeout: milliseconds('stallTimeout', options.stallTimeout, 30_000),
    };
    this.#options = options;
    this.#clock = clock;
    this.#listeners = new Listeners((socket, port) => this.#take(socket, port));
    this.#keeper = new SessionKeeper({
      dial: (signal) => dialSession(settings, signal),
      clock,
      reconnect: resolveReconnect(options.reconnect),
      disconnected: (error) => observe(() => options.onDisconnect?.(error)),
      reconnected: (session) => {
        this.#transport = session.transport;
        observe(() => options.onReconnect?.(session.transport));
      },
    });
    this.closed = this.#keeper.ended.then((end) => this.#finish(end));
    const { signal } = options;
    const onAbort = (): void => void this.#keeper.end({ kind: 'aborted', error: reasonOf(signal) });
    signal?.addEventListener('abort', onAbort, { once: true });
    void this.closed.then(() => signal?.removeEventListener('abort', onAbort));
  }

  get ports(): readonly ForwardedPort[] {
    return [...this.#listeners.ports];
  }

  get transport(): PortForwardTransport {
    return this.#transport;
  }

  get connections(): number {
    return this.#connections.size;
  }

  async start(listen: (listeners: Listeners) => Promise<void>): Promise<void> {
    this.#transport = (await this.#keeper.start()).transport;
    await listen(this.#listeners);
    this.#options.signal?.throwIfAborted();
  }

  async close(): Promise<void> {
    void this.#keeper.end({ kind: 'closed' });
    await this.closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #take(socket: Socket, port: ForwardedPort): void {
    const { onConnection, onConnectionError, onProgress } = this.#options;
    const connection = new LocalConnection(this.#nextId++, socket, port, this.#clock, {
      failed: (error, failed: ForwardedConnection) => observe(() => onConnectionError?.(error, failed)),
      progress: (moving: ForwardedConnection) => observe(() => onProgress?.(moving)),
    });
    this.#connections.add(connection);
    observe(() => onConnection?.(connection));
    const session = (signal: AbortSignal): ReturnType<SessionKeeper['session']> => this.#keeper.session(signal);
    void connection.forward(session, onProgress !== undefined).then(() => this.#connections.delete(connection));
  }

  /** Leaves nothing behind. */
  async #finish(end: PortForwardEnd): Promise<PortForwardEnd> {
    this.#listeners.close();
    const reason = end.error ?? new ConnectionLostError('the port-forward was closed', { initiator: 'local' });
    const over = [...this.#connections].map((connection) => {
      connection.abort(reason);
      return connection.closed;
    });
    await Promise.all([...over, this.#keeper.end(end)]);
    return end;
  }
}

function reasonOf(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error('aborted', { cause: reason });
}

/** A failing observer must not take the connections down with it. */
function observe(call: () => void): void {
  try {
    call();
  } catch {
    // It is the observer's fault.
  }
}
