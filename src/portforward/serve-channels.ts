import { setMaxListeners } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import {
  acceptChannels,
  type AcceptChannelsOptions,
  type ChannelConnection,
  type ChannelMode,
} from '../carrier/websocket/index.js';
import { dialPort, reasonOf } from './dial-port.js';
import type { ForwardSettings } from './settings.js';
import { splice, type SpliceFailure } from '../mux/splice.js';

/**
 * Serves port-forward over the channels of a WebSocket: for the i-th port, 2i carries data and 2i + 1 errors. Each begins
 * with the port in two bytes, little-endian. The ports are connected to at once, each once; when all have ended, so
 * does the WebSocket. There is no half-close. Rejects after having answered; never after the upgrade.
 *
 * Source: cri-streaming `portforward/websocket.go`.
 */
export async function serveChannels(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
  ports: readonly number[],
  settings: ForwardSettings,
): Promise<void> {
  const { clock, idleTimeout, limits, pingPeriod } = settings;
  const options: AcceptChannelsOptions = {
    protocols: [protocol],
    channels: ports.flatMap((): ChannelMode[] => ['duplex', 'write']),
    limits,
    clock,
    idleTimeout,
    heartbeat: pingPeriod > 0 && { period: pingPeriod, timeout: Infinity },
  };
  const connection = await acceptChannels(req, socket, head, options);
  const session = new ChannelSession(connection, req, settings);
  const forget = settings.onStop(() => session.stop(new Error('the server stops')));
  await Promise.all(ports.map((port, index) => session.forward(port, index)));
  forget();
  await connection.close();
}

class ChannelSession {
  readonly #connection: ChannelConnection;
  readonly #req: IncomingMessage;
  readonly #settings: ForwardSettings;
  readonly #gone = new AbortController();

  constructor(connection: ChannelConnection, req: IncomingMessage, settings: ForwardSettings) {
    this.#connection = connection;
    this.#req = req;
    this.#settings = settings;
    setMaxListeners(0, this.#gone.signal);
    void connection.closed.then(() => this.stop(new Error('the client is gone')));
  }

  /** Gives up all connections to the pod. */
  stop(reason: Error): void {
    this.#gone.abort(reason);
  }

  /** Forwards one port. Never rejects. */
  async forward(port: number, index: number): Promise<void> {
    const data = this.#connection.channel(2 * index);
    const errors = this.#connection.channel(2 * index + 1);
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16LE(port);
    data.write(prefix);
    errors.write(prefix);
    const fail = (error: unknown): void => {
      errors.end(`error forwarding port ${port}: ${reasonOf(error)}`);
      this.#settings.onError(error, { port, request: this.#req });
    };
    let pod: Duplex;
    try {
      pod = await dialPort(this.#settings, port, this.#req, this.#gone.signal);
    } catch (error) {
      if (!this.#gone.signal.aborted) fail(error);
      data.destroy();
      return;
    }
    // The end of what the pod sends cannot be told to the client, other than by the end of the whole.
    data.once('finish', () => data.destroy());
    this.#gone.signal.addEventListener('abort', () => data.destroy(), { once: true });
    const failed = ({ side, error }: SpliceFailure): void => {
      if (side === 'right') fail(error);
    };
    await splice(data, pod, { clock: this.#settings.clock, failed });
  }
}
