import { Duplex, type DuplexOptions } from 'node:stream';
import { ConnectionLostError } from '../../errors/index.js';
import type { ChannelMode } from '../../wire/channel/index.js';
import { PieceQueue } from './piece-queue.js';

/** What a channel's stream asks of its connection. */
export interface ChannelHost {
  /** Sends in order; `sent` is called when the bytes are handed to the socket, and never after a loss. */
  send(channel: number, pieces: readonly Buffer[], sent: () => void): void;
  /** Sends the half-close, if there is one. */
  end(channel: number, sent: () => void): void;
  /** Drops what `send` still holds for the channel. */
  cancel(channel: number): void;
  /** The channel holds all that it may. */
  full(channel: number): void;
  /** It has room again, or will drop what comes. */
  ready(channel: number): void;
}

type WriteCallback = (error?: Error | null) => void;

// What waits is kept in the piece queue, where small pieces cost little; Node's own buffer holds one piece at a time.
const READABLE_HIGH_WATER_MARK = 1;
const WRITABLE_HIGH_WATER_MARK = 64 * 1024;

// `readable` and `writable` are documented, but @types/node 20 does not know them here.
function duplexOptions(mode: ChannelMode): DuplexOptions {
  const options = {
    readable: mode === 'read' || mode === 'duplex',
    writable: mode === 'write' || mode === 'duplex',
    readableHighWaterMark: READABLE_HIGH_WATER_MARK,
    writableHighWaterMark: WRITABLE_HIGH_WATER_MARK,
  };
  return options;
}

/** The stream of one channel. */
export class ChannelStream extends Duplex {
  readonly #host: ChannelHost;
  readonly #channel: number;
  readonly #capacity: number;
  readonly #queue = new PieceQueue();
  #wanted = false;
  #full = false;
  #peerEnded = false;
  #truncated = false;
  #failure: Error | undefined;
  #writing: WriteCallback | undefined;

  constructor(host: ChannelHost, channel: number, mode: ChannelMode, capacity: number) {
    super(duplexOptions(mode));
    this.#host = host;
    this.#channel = channel;
    this.#capacity = capacity;
    // A channel that fails while nobody watches must not end the process.
    this.on('error', () => {});
    this.once('end', () => this.#failIfRead());
  }

  /** Bytes held for the reader. */
  get held(): number {
    return this.readableLength + this.#queue.bytes;
  }

  /** Takes received bytes. `discard`: the connection is closing, what finds no room is dropped. */
  receive(payload: Buffer, discard: boolean): void {
    if (this.destroyed || this.#peerEnded || this.#truncated) return;
    if (discard && this.held >= this.#capacity) {
      this.#truncated = true;
      return;
    }
    if (this.#queue.bytes > 0) {
      this.#queue.push(payload);
    } else if (this.readableFlowing === true && this.readableLength === 0) {
      this.#wanted = false;
      this.push(payload);
    } else {
      this.#queue.push(payload);
      if (this.#wanted) this.#deliver();
    }
    if (this.held >= this.#capacity && !this.#full) {
      this.#full = true;
      this.#host.full(this.#channel);
    }
  }

  /** The peer sends no more. */
  receiveEnd(): void {
    this.#peerEnded = true;
    if (this.#queue.bytes === 0) this.push(null);
  }

  /** The connection was closed in good order: reading ends, unless something was dropped; writing fails. */
  finish(error: Error): void {
    if (this.destroyed) return;
    if (this.#truncated) return this.fail(error);
    if (this.readable && !this.#peerEnded) this.receiveEnd();
    if (!this.writableFinished) this.#failWhenRead(error);
  }

  /** The connection was lost: what has arrived can still be read, then the stream errors. */
  fail(error: Error): void {
    if (this.destroyed) return;
    if (this.#peerEnded && this.writableFinished) return;
    this.#failWhenRead(error);
  }

  #failWhenRead(error: Error): void {
    this.#failure ??= error;
    this.#failIfRead();
  }

  #failIfRead(): void {
    if (this.#failure !== undefined && !this.#undelivered) this.destroy(this.#failure);
  }

  get #undelivered(): boolean {
    return this.readable && (this.held > 0 || (this.#peerEnded && !this.readableEnded));
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    // Only now are the bytes gone: Node asks for more before it takes out what is there.
    this.#makeRoom();
    if (this.#failure !== undefined) process.nextTick(() => this.#failIfRead());
    return chunk;
  }

  override _read(): void {
    this.#wanted = true;
    this.#deliver();
  }

  #deliver(): void {
    while (this.#wanted) {
      const piece = this.#queue.shift();
      if (piece === undefined) break;
      this.#wanted = this.push(piece);
    }
    if (this.#peerEnded && this.#queue.bytes === 0) this.push(null);
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (!this.#full || this.held > this.#capacity / 2) return;
    this.#full = false;
    this.#host.ready(this.#channel);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: WriteCallback): void {
    this.#send([chunk], callback);
  }

  override _writev(chunks: readonly { chunk: Buffer }[], callback: WriteCallback): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  #send(pieces: readonly Buffer[], callback: WriteCallback): void {
    this.#writing = callback;
    if (this.#failure === undefined) this.#host.send(this.#channel, pieces, this.#sent);
  }

  override _final(callback: WriteCallback): void {
    this.#writing = callback;
    if (this.#failure === undefined) this.#host.end(this.#channel, this.#sent);
  }

  readonly #sent = (): void => {
    const callback = this.#writing;
    this.#writing = undefined;
    callback?.();
  };

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#queue.clear();
    this.#host.cancel(this.#channel);
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.(error ?? new ConnectionLostError('the channel was destroyed', { initiator: 'local' }));
    if (this.#full) this.#host.ready(this.#channel);
    this.#full = false;
    callback(error);
  }
}
