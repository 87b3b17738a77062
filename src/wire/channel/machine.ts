import { InvalidArgumentError, ProtocolError } from '../../errors/index.js';
import { CLOSE_SIGNAL, rawCodec, type Allocate, type ChannelCodec } from './codec.js';

/** What one side may do with a channel: receive, send, both, or neither. */
export type ChannelMode = 'read' | 'write' | 'duplex' | 'ignore';

/** What a received message means. */
export type ChannelEvent =
  /** Bytes for a channel that receives; never empty. */
  | { readonly type: 'data'; readonly channel: number; readonly payload: Buffer }
  /** The peer will send no more on this channel. At most once per channel. */
  | { readonly type: 'end'; readonly channel: number }
  /** Legal, and to be dropped; counts against the budget for messages that carry nothing. */
  | { readonly type: 'nothing' };

/** How a {@link ChannelMachine} is to behave. */
export interface ChannelMachineOptions {
  readonly role: 'client' | 'server';
  /** Index = channel number; at most as many as the codec can number. */
  readonly modes: readonly ChannelMode[];
  /** Whether half-closes are signalled (v5). Only clients send them. A codec of text has no signal: ignored there. */
  readonly halfClose: boolean;
  /** Default {@link rawCodec}. */
  readonly codec?: ChannelCodec;
}

const NOTHING: ChannelEvent = { type: 'nothing' };

/**
 * One side of the Kubernetes WebSocket channel protocol, without I/O: WebSocket messages in, events out; payloads in,
 * messages out.
 *
 * Each channel goes `open → ended` once in each direction, independently. A message that a state does not allow is
 * dropped where the originals drop it, and a ProtocolError, after which the connection must go, where they hang up:
 *
 * | Received | Server | Client |
 * |---|---|---|
 * | text frame where messages are binary, or binary where they are text | read all the same, as the original does (client libraries send `str` that way) | error |
 * | empty message | dropped | error |
 * | payload that is not base64, where it has to be | dropped | dropped |
 * | unknown or ignored channel, or one that has ended | dropped | dropped |
 * | `ff` with v5 | half-close; error unless exactly one known channel follows | dropped: no server sends it |
 *
 * Sources: apimachinery `httpstream/wsstream/conn.go`; client-go `tools/remotecommand/websocket.go`.
 */
export class ChannelMachine {
  readonly #role: 'client' | 'server';
  readonly #modes: readonly ChannelMode[];
  readonly #halfClose: boolean;
  readonly #codec: ChannelCodec;
  readonly #receiving: boolean[];
  readonly #sending: boolean[];

  /** @throws InvalidArgumentError for more channels than the codec can number. */
  constructor(options: ChannelMachineOptions) {
    const { codec = rawCodec, halfClose, modes, role } = options;
    if (modes.length > codec.maxChannels) {
      throw new InvalidArgumentError(`there can be at most ${codec.maxChannels} channels, not ${modes.length}`);
    }
    this.#role = role;
    this.#modes = modes;
    this.#halfClose = halfClose && codec.binary;
    this.#codec = codec;
    this.#receiving = modes.map((mode) => mode === 'read' || mode === 'duplex');
    this.#sending = modes.map((mode) => mode === 'write' || mode === 'duplex');
  }

  /** Whether what this side sends travels in binary frames. */
  get binary(): boolean {
    return this.#codec.binary;
  }

  /** Length of the message that carries `length` bytes. */
  messageLength(length: number): number {
    return this.#codec.messageLength(length);
  }

  /**
   * Takes a WebSocket message.
   *
   * @throws ProtocolError where the original drops the connection.
   */
  receive(message: Buffer, binary: boolean): ChannelEvent {
    if (this.#role === 'client' && binary !== this.#codec.binary) {
      throw remoteError(`unexpected ${binary ? 'binary' : 'text'} message`);
    }
    if (message.length === 0) {
      if (this.#role === 'client') throw remoteError('message without a channel number');
      return NOTHING;
    }
    if (this.#role === 'server' && this.#halfClose && message[0] === CLOSE_SIGNAL) return this.#receiveClose(message);
    const decoded = this.#codec.decode(message);
    if (decoded === undefined || decoded.payload.length === 0) return NOTHING;
    if (this.#receiving[decoded.channel] !== true) return NOTHING;
    return { type: 'data', channel: decoded.channel, payload: decoded.payload };
  }

  #receiveClose(message: Buffer): ChannelEvent {
    const channel = message[1];
    if (message.length !== 2 || channel === undefined) {
      throw remoteError(`a close signal names one channel, but ${message.length - 1} bytes follow`);
    }
    if (channel >= this.#modes.length) throw remoteError(`close signal for unknown channel ${channel}`);
    if (this.#receiving[channel] !== true) return NOTHING;
    this.#receiving[channel] = false;
    return { type: 'end', channel };
  }

  /**
   * Makes the message that carries `length` bytes, gathered from `pieces`. An empty one is sent too: servers announce
   * themselves with it.
   *
   * @throws InvalidArgumentError when the channel does not send, or was ended.
   */
  send(channel: number, pieces: readonly Uint8Array[], length: number, allocate?: Allocate): Buffer {
    if (this.#sending[channel] !== true) throw new InvalidArgumentError(`channel ${channel} is not open for writing`);
    return this.#codec.encode(channel, pieces, length, allocate);
  }

  /** Ends the sending direction; the message that tells the peer, or `undefined` where the protocol has none. */
  end(channel: number): Buffer | undefined {
    if (this.#sending[channel] !== true) return undefined;
    this.#sending[channel] = false;
    return this.#halfClose && this.#role === 'client' ? Buffer.of(CLOSE_SIGNAL, channel) : undefined;
  }
}

function remoteError(message: string): ProtocolError {
  return new ProtocolError(`channel protocol: ${message}`, { initiator: 'remote' });
}
