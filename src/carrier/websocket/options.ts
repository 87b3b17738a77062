import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../../clock/clock.js';
import { InvalidArgumentError } from '../../errors/index.js';
import type { CloseReason } from '../../httpstream/index.js';
import { resolveLimits, type Limits } from '../../limits/limits.js';
import {
  base64Codec,
  isBase64Protocol,
  rawCodec,
  type ChannelCodec,
  type ChannelMode,
} from '../../wire/channel/index.js';

/** Pings of a connection, and how long their answers may take. */
export interface HeartbeatOptions {
  /** Milliseconds between pings. */
  readonly period: number;
  /** Milliseconds without any frame from the peer after which the connection counts as lost. */
  readonly timeout: number;
}

/** What both ends of a channel connection can set. */
export interface ChannelOptions {
  /**
   * Subprotocols, most preferred first: what a client offers, or a server accepts. `base64.channel.k8s.io` and its versions
   * (`v4.base64.channel.k8s.io`) travel as base64 in text messages, and number at most 80 channels; all others are binary.
   */
  readonly protocols: readonly string[];
  /** Mode of each channel as seen from this side; index = channel number. A function is called with the protocol chosen. */
  readonly channels: readonly ChannelMode[] | ((protocol: string) => readonly ChannelMode[]);
  /** Whether the half-close signal of v5 is spoken. Default: the protocol's name starts with `v5.`. Never with base64. */
  readonly halfClose?: (protocol: string) => boolean;
  /**
   * Default for clients: a ping every 5,000 ms, lost after 61,000 ms without a frame (client-go). Default for servers:
   * none, as in the original; TCP keepalive finds dead peers without a word on the wire.
   *
   * While this side does not read, because a channel is full, pings go on and the timeout is suspended.
   */
  readonly heartbeat?: HeartbeatOptions | false;
  /** See {@link Limits}: those for WebSocket, `streamBufferBytes`, `outboundBytes`, `maxDataFrameOut`, the timeouts. */
  readonly limits?: Partial<Limits>;
  /** Default: the process's own. */
  readonly clock?: Clock;
  /** Milliseconds without a message either way after which the connection is closed; pings don't count. Default 0: never. */
  readonly idleTimeout?: number;
}

/**
 * A WebSocket that carries numbered channels.
 *
 * All channels share one socket: when one of them is not read, and `limits.streamBufferBytes` have piled up for it, the
 * whole WebSocket is paused until it is. Destroy a channel that nobody will read; what arrives for it is then dropped.
 */
export interface ChannelConnection {
  /** The subprotocol chosen; the empty string when none was negotiated. */
  readonly protocol: string;
  /**
   * The stream of channel `n`, always the same one. It reads and writes as far as the channel's mode allows.
   *
   * `'end'` follows the peer's half-close, or a clean close of the WebSocket. When the connection ends in any other way,
   * what had arrived is delivered, and then the stream errors with ConnectionLostError or IdleTimeoutError. `end()` tells
   * the peer where the protocol can (a v5 client). Destroying a channel tells the peer nothing: the protocol has no
   * reset, and a half-close would make cut input look complete. Message boundaries carry no meaning; a write of no bytes
   * sends an empty message. Channels have a default error listener.
   *
   * @throws InvalidArgumentError for a number without a channel.
   */
  channel(n: number): Duplex;
  /** Settles when the socket is gone. Never rejects. */
  readonly closed: Promise<CloseReason>;
  /**
   * Hands all accepted writes to the socket, then closes with a handshake that may take `limits.closeTimeout`. What
   * still arrives for a full channel is dropped, and that channel errors. Never rejects.
   *
   * @param code Close code (RFC 6455, 7.4). Default 1000. @param reason Text of at most 123 bytes.
   */
  close(code?: number, reason?: string): Promise<void>;
  /** Drops the connection at once; channels error with `error` or ConnectionLostError. */
  destroy(error?: Error): void;
}

/** {@link ChannelOptions} with everything decided. */
export interface ResolvedChannelOptions {
  readonly role: 'client' | 'server';
  readonly protocols: readonly string[];
  readonly modes: (protocol: string) => readonly ChannelMode[];
  readonly codec: (protocol: string) => ChannelCodec;
  readonly halfClose: (protocol: string) => boolean;
  readonly heartbeat: HeartbeatOptions | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly idleTimeout: number;
}

const CLIENT_HEARTBEAT: HeartbeatOptions = { period: 5_000, timeout: 61_000 };
const PROTOCOL = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** @throws InvalidArgumentError for options that cannot work, before anything is sent. */
export function resolveChannelOptions(role: 'client' | 'server', options: ChannelOptions): ResolvedChannelOptions {
  for (const protocol of options.protocols) {
    if (!PROTOCOL.test(protocol)) throw new InvalidArgumentError('a subprotocol is not a token (RFC 9110, 5.6.2)');
  }
  if (new Set(options.protocols).size !== options.protocols.length) {
    throw new InvalidArgumentError('a subprotocol is listed twice');
  }
  const { channels, heartbeat = role === 'client' ? CLIENT_HEARTBEAT : false, idleTimeout = 0 } = options;
  if (heartbeat !== false && !(heartbeat.period > 0 && heartbeat.timeout > 0)) {
    throw new InvalidArgumentError('heartbeat period and timeout must be above 0');
  }
  if (!(idleTimeout >= 0)) throw new InvalidArgumentError('idleTimeout must be 0 or more');
  if (typeof channels !== 'function')
    for (const protocol of ['', ...options.protocols]) checkedModes(channels, protocol);
  return {
    role,
    protocols: options.protocols,
    modes: (protocol) => checkedModes(typeof channels === 'function' ? channels(protocol) : channels, protocol),
    codec: codecOf,
    halfClose: options.halfClose ?? ((protocol) => protocol.startsWith('v5.')),
    heartbeat: heartbeat === false ? undefined : heartbeat,
    limits: resolveLimits(options.limits),
    clock: options.clock ?? systemClock,
    idleTimeout,
  };
}

function checkedModes(modes: readonly ChannelMode[], protocol: string): readonly ChannelMode[] {
  const { maxChannels } = codecOf(protocol);
  if (modes.length > maxChannels) throw new InvalidArgumentError(`there can be at most ${maxChannels} channels`);
  return modes;
}

function codecOf(protocol: string): ChannelCodec {
  return isBase64Protocol(protocol) ? base64Codec : rawCodec;
}
