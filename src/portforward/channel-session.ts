import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { Alarm } from '../clock/alarm.js';
import type { Clock } from '../clock/clock.js';
import { deferred } from '../clock/deferred.js';
import { dialChannels, type ChannelRequest } from '../carrier/websocket/index.js';
import { ConnectionLostError, ProtocolError } from '../errors/index.js';
import type { CloseReason } from '../httpstream/index.js';
import type { Limits } from '../limits/limits.js';
import { readErrorText } from './error-text.js';
import { PortForwardError } from './errors.js';
import { CHANNEL_PROTOCOL } from './protocol.js';
import type { ForwardSession, RemoteEnd } from './session.js';

/** Bytes of the port in front of each channel. */
const PREFIX_BYTES = 2;

/**
 * Milliseconds of silence from the pod after which a connection whose local client has ended is given up. The wire cannot
 * tell the pod of that end, so it might wait for more for ever.
 */
const LINGER = 5_000;

/** Settings of a {@link ChannelForwardSession}. */
export interface ChannelSessionSettings {
  /** Makes the request for each connection: address, credentials and how to get there. */
  readonly request: (signal: AbortSignal) => Promise<ChannelRequest>;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly heartbeat: { readonly period: number; readonly timeout: number } | false;
}

/**
 * The client's end of port-forward over WebSocket channels: a WebSocket for each connection, because on each the server
 * connects to each port just once.
 */
export class ChannelForwardSession implements ForwardSession {
  readonly transport = 'websocket';
  readonly #settings: ChannelSessionSettings;
  readonly #closed = deferred<CloseReason>();

  constructor(settings: ChannelSessionSettings) {
    this.#settings = settings;
  }

  /** There is nothing that could be lost between two connections. */
  get closed(): Promise<CloseReason> {
    return this.#closed.promise;
  }

  async connect(port: number, _id: number, signal: AbortSignal): Promise<RemoteEnd> {
    const { clock, heartbeat, limits } = this.#settings;
    const request = await this.#settings.request(signal);
    const url = new URL(request.url);
    url.searchParams.set('ports', String(port));
    const connection = await dialChannels(
      { ...request, url },
      { protocols: [CHANNEL_PROTOCOL], channels: ['duplex', 'read'], limits, clock, heartbeat },
    );
    const [data, errors] = [connection.channel(0), connection.channel(1)];
    const failing = deferred<void>();
    const failure = readErrorText(errors, limits.errorBodyBytes + PREFIX_BYTES, PREFIX_BYTES, () => failing.resolve());
    const abandon = (): void => connection.destroy(new ConnectionLostError('given up', { initiator: 'local' }));
    signal.addEventListener('abort', abandon, { once: true });
    try {
      await readPrefix(data, port);
      signal.throwIfAborted();
    } catch (error) {
      connection.destroy();
      signal.throwIfAborted();
      throw error;
    } finally {
      signal.removeEventListener('abort', abandon);
    }
    // The data channel would end in good order, whatever went wrong.
    void failing.promise.then(() => data.destroy(new PortForwardError(port, 'the server reports a failure')));
    giveUpWhenSilent(data, clock, () => void connection.close());
    return { data, failure, release: () => void connection.close() };
  }

  close(): Promise<void> {
    this.#closed.resolve({ kind: 'closed', initiator: 'local' });
    return Promise.resolve();
  }
}

/** Takes the port from the front of a channel. */
async function readPrefix(channel: Duplex, port: number): Promise<void> {
  for (;;) {
    const prefix: unknown = channel.read(PREFIX_BYTES);
    if (Buffer.isBuffer(prefix) && prefix.length === PREFIX_BYTES) {
      if (prefix.readUInt16LE() === port) return;
      throw new ProtocolError(`the server forwards port ${prefix.readUInt16LE()} and not ${port}`, {
        initiator: 'remote',
      });
    }
    if (channel.destroyed || channel.readableEnded || prefix !== null) {
      throw (
        channel.errored ?? new ConnectionLostError('the server closed the connection at once', { initiator: 'remote' })
      );
    }
    await Promise.race([once(channel, 'readable'), once(channel, 'close'), once(channel, 'end')]);
  }
}

/** Calls back when nothing has come from the pod for a while after the local client has ended. */
function giveUpWhenSilent(data: Duplex, clock: Clock, giveUp: () => void): void {
  const alarm = new Alarm(clock, giveUp);
  data.once('finish', () => alarm.set(clock.now() + LINGER));
  data.on('data', () => alarm.postpone(clock.now() + LINGER));
  data.pause();
  data.once('close', () => alarm.cancel());
}
