import { Duplex, Readable } from 'node:stream';
import { ownCopy } from '../bytes/own-copy.js';
import { StreamResetError, type ResetReason } from '../errors/index.js';
import type { IncomingStream, StreamHeaders } from '../httpstream/index.js';
import type { WireStream } from '../wire/machine.js';
import type { OutgoingWrite } from './outbound.js';
import { SMALL_BYTES, SmallPieces } from './small-pieces.js';

/** What a stream needs of its connection. */
export interface StreamHost {
  /** Sends `chunks` and calls `stream.written()`, now or when there is room. Only for streams that may send. */
  write(stream: MuxStream, chunks: readonly Buffer[]): void;
  end(stream: MuxStream): void;
  accept(stream: MuxStream): void;
  /** The handler put off its reply. */
  defer(stream: MuxStream): void;
  refuse(stream: MuxStream, reason: ResetReason, message: string | undefined): void;
  reset(stream: MuxStream, reason: ResetReason): void;
  /** Whether the peer's sending is bounded for each stream by itself. */
  readonly flowControl: boolean;
  /** Whether what we open may send before the peer's reply. */
  readonly earlyData: boolean;
  /** The application has taken so many bytes more of what was received. Only with flow control. */
  consumed(stream: MuxStream, bytes: number): void;
  /** The stream holds more unread bytes than it should. */
  stalled(stream: MuxStream): void;
  /** The stream has room again. */
  unstalled(stream: MuxStream): void;
  /** The stream is destroyed: nothing will be read or written any more. */
  released(stream: MuxStream): void;
}

/** What an unread piece costs beside its bytes, roughly. */
const PIECE_BYTES = 256;

/** What a writer may put down while the socket takes its last write: enough for several frames in the next one. */
const WRITABLE_BYTES = 256 * 1024;

const bufferedLength = Object.getOwnPropertyDescriptor(Readable.prototype, 'readableLength')?.get as () => number;

const ignore = (): void => {};

function rethrow(error: unknown): never {
  throw error;
}

/** Nobody has to wait for it. */
function ignoreRejection(promise: Promise<unknown>): void {
  promise.then(undefined, ignore);
}

/** Whether and how the stream was answered. */
type ReplyState = 'pending' | 'accepted' | 'refused';

/** A stream of a multiplexed connection, opened by either side. */
export class MuxStream extends Duplex implements IncomingStream {
  static {
    // What is gathered waits to be read as well. Node has an accessor here, which its types call a property.
    Object.defineProperty(this.prototype, 'readableLength', {
      get(this: MuxStream): number {
        return bufferedLength.call(this) + (this.#gathered?.length ?? 0);
      },
    });
  }

  readonly headers: StreamHeaders;
  readonly wire: WireStream<MuxStream>;
  /** Whether the handler decides later. */
  deferred = false;
  /** Whether the handler is done with it, its promise included. */
  handled = false;
  /** Whether we opened it and have no answer yet. */
  unanswered = false;
  /** What it has still to send; belongs to whoever sends it. */
  outgoing: OutgoingWrite | undefined;
  readonly #host: StreamHost;
  #reply: ReplyState = 'pending';
  #replyError: Error | undefined;
  #waiters: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #accepted: Promise<void> | undefined;
  /** Of the write that is not done. */
  #writing: ((error?: Error | null) => void) | undefined;
  /** A write or FIN that waits for the reply. */
  #held: (() => void) | undefined;
  #abortError: Error | undefined;
  #remoteEnded = false;
  readonly #flowControl: boolean;
  readonly #early: boolean;
  /** With flow control: bytes received, and how many of them the peer may send again. */
  #received = 0;
  #credited = 0;
  #gathered: SmallPieces | undefined;
  /** What a reader asked for in vain, because there is less: it sleeps until more comes. */
  #wanted = 0;
  #waking = false;
  /** Pieces received since nothing was unread. */
  #pieces = 0;
  /** Unread pieces are so many that their upkeep, not their bytes, fills the buffer. */
  #crowded = false;

  constructor(
    host: StreamHost,
    wire: (owner: MuxStream) => WireStream<MuxStream>,
    headers: StreamHeaders,
    bufferBytes: number,
  ) {
    const { flowControl, earlyData } = host;
    super({
      // With flow control the window bounds what is buffered; 1 byte, so that small pieces that wait can be joined first.
      readableHighWaterMark: flowControl ? 1 : bufferBytes,
      writableHighWaterMark: WRITABLE_BYTES,
      allowHalfOpen: true,
    });
    this.#host = host;
    this.#flowControl = flowControl;
    this.headers = headers;
    this.wire = wire(this);
    this.#early = earlyData && !this.wire.inbound;
    // Opened as unidirectional: there is nothing for us to send.
    if (this.wire.localEnded) this.end();
    this.on('error', ignore);
  }

  get id(): number {
    return this.wire.id;
  }

  get replyState(): ReplyState {
    return this.#reply;
  }

  get accepted(): Promise<void> {
    if (this.#accepted === undefined) {
      this.#accepted = new Promise((resolve, reject) => {
        if (this.#reply === 'accepted') resolve();
        else if (this.#reply === 'refused') reject(this.#replyError ?? new StreamResetError('refused'));
        else this.#waiters = { resolve, reject };
      });
      if (this.#reply === 'refused') ignoreRejection(this.#accepted);
    }
    return this.#accepted;
  }

  deferReply(): void {
    if (this.deferred || this.#reply !== 'pending' || !this.wire.inbound) return;
    this.deferred = true;
    this.#host.defer(this);
  }

  accept(): void {
    if (this.#reply === 'pending' && this.wire.inbound && !this.destroyed) this.#host.accept(this);
  }

  refuse(reason: ResetReason = 'cancel', message?: string): void {
    if (this.#reply !== 'pending' || !this.wire.inbound || this.destroyed) return;
    this.#host.refuse(this, reason, message);
    this.destroy(new StreamResetError(reason, { initiator: 'local' }));
  }

  reset(reason: ResetReason = 'cancel'): void {
    if (this.destroyed) return;
    this.#host.reset(this, reason);
    this.destroy(new StreamResetError(reason, { initiator: 'local' }));
  }

  /** The write is done, or will never be. */
  written(error?: Error | null): void {
    const callback = this.#writing;
    this.#writing = undefined;
    try {
      callback?.(error);
    } catch (thrown) {
      // From a listener of the application, whose matter it is; the streams behind this one must not wait for ever.
      process.nextTick(() => rethrow(thrown));
    }
  }

  /** The reply is there, or on its way: writing may begin. */
  replied(): void {
    if (this.#reply !== 'pending') return;
    this.#reply = 'accepted';
    this.#waiters?.resolve();
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  /** Bytes from the peer: a view into what the socket read. */
  receive(chunk: Buffer): void {
    if (this.#flowControl) this.#receiveCredited(chunk);
    else this.#receiveUnbounded(chunk);
  }

  #receiveCredited(chunk: Buffer): void {
    this.#received += chunk.length;
    if (this.readableLength > 0 && chunk.length <= SMALL_BYTES) {
      this.#gather(chunk);
      if (this.#wanted > 0) this.#wake();
      return;
    }
    this.#pushGathered();
    const unread = this.readableLength > 0 || this.readableFlowing !== true;
    this.push(unread && chunk.length * 2 < chunk.buffer.byteLength ? ownCopy(chunk) : chunk);
    this.#credit();
  }

  #gather(chunk: Buffer): void {
    this.#gathered ??= new SmallPieces();
    if (this.#gathered.add(chunk)) return;
    this.push(this.#gathered.take());
    this.#gathered.add(chunk);
  }

  #pushGathered(): void {
    if (this.#gathered !== undefined && this.#gathered.length > 0) this.push(this.#gathered.take());
  }

  /** Shows a reader that waits for more what was gathered: once per tick, so that small pieces are joined even then. */
  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    process.nextTick(() => {
      this.#waking = false;
      this.#pushGathered();
    });
  }

  /** Lets the peer send as much again as was taken. */
  #credit(): void {
    const taken = this.#received - this.readableLength - this.#credited;
    if (taken <= 0) return;
    this.#credited += taken;
    this.#host.consumed(this, taken);
  }

  /** A small piece must not keep a whole read buffer alive while it waits, nor count as if it were only its bytes. */
  #receiveUnbounded(chunk: Buffer): void {
    const unread = this.readableLength > 0 || this.readableFlowing !== true;
    const piece = unread && chunk.length * 2 < chunk.buffer.byteLength ? ownCopy(chunk) : chunk;
    this.#pieces++;
    const room = this.push(piece);
    if (this.readableLength === 0) this.#pieces = 0;
    else if (this.#pieces * PIECE_BYTES >= this.readableHighWaterMark) this.#crowded = true;
    if (!room || this.#crowded) this.#host.stalled(this);
  }

  /** FIN from the peer. */
  receiveEnd(): void {
    this.#remoteEnded = true;
    this.#pushGathered();
    this.push(null);
  }

  /**
   * The peer reset the stream, or the connection is gone. What has arrived is still delivered, an orderly end included;
   * then the stream errors. A writer that nobody reads beside hears of it at once.
   */
  abort(error: Error): void {
    if (this.destroyed || this.#abortError !== undefined) return;
    this.#abortError = error;
    this.#settleReply(error);
    if (!this.#remoteEnded) this.#pushGathered();
    const unread = this.#remoteEnded ? !this.readableEnded : this.readableLength > 0 && !this.#starving;
    if (!unread || (this.writableLength > 0 && !this.#isRead())) {
      this.destroy(error);
    } else if (this.#remoteEnded) {
      this.once('end', () => this.destroy(error));
    }
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    // A reader that wants more than there is must get it, however many pieces that takes.
    const hungry = chunk === null && size !== 0;
    if (size !== 0) this.#wanted = hungry && size !== undefined ? size : 0;
    if (hungry || this.readableLength === 0) this.#caughtUp();
    if (this.#flowControl && size !== 0) {
      if (hungry) this.#advance();
      else this.#credit();
    }
    return chunk;
  }

  /** As every Readable's, but reading to the end leaves the other direction open: Node would destroy both. */
  override async *[Symbol.asyncIterator](): NodeJS.AsyncIterator<Buffer, undefined> {
    let whole = false;
    try {
      yield* this.iterator({ destroyOnReturn: false });
      whole = true;
    } finally {
      if (!whole) this.destroy();
    }
    return undefined;
  }

  /** Whoever asks for more than the window holds gets it. */
  #advance(): void {
    const taken = this.#received - this.#credited;
    if (taken <= 0) return;
    this.#credited = this.#received;
    this.#host.consumed(this, taken);
  }

  override _read(): void {
    if (this.#flowControl) this.#pushGathered();
    else if (!this.#crowded) this.#host.unstalled(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#write([chunk], callback);
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], callback: (error?: Error | null) => void): void {
    this.#write(
      chunks.map(({ chunk }) => chunk),
      callback,
    );
  }

  override _final(callback: (error?: Error | null) => void): void {
    const send = (): void => {
      this.#host.end(this);
      callback();
    };
    if (this.#maySend()) send();
    else this.#hold(send, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    // Most streams end long after the reply, and an error's stack trace costs more than the rest of the ending.
    if (this.#reply === 'pending') this.#settleReply(error ?? new StreamResetError('cancel', { initiator: 'local' }));
    this.#held = undefined;
    this.#host.released(this);
    callback(error);
    // Most streams end with nothing left to write, and an error's stack trace costs more than the rest of the ending.
    if (this.#writing !== undefined) this.written(error ?? new StreamResetError('cancel', { initiator: 'local' }));
  }

  #write(chunks: readonly Buffer[], callback: (error?: Error | null) => void): void {
    this.#writing = callback;
    if (this.#maySend()) this.#host.write(this, chunks);
    else
      this.#hold(
        () => this.#host.write(this, chunks),
        (error) => this.written(error),
      );
  }

  #maySend(): boolean {
    return (this.#early || this.#reply === 'accepted') && this.#abortError === undefined;
  }

  /** Puts off a write or FIN until the reply; once the stream is lost, fails it unless that would cut off a reader. */
  #hold(send: () => void, callback: (error?: Error | null) => void): void {
    if (this.#abortError === undefined) this.#held = send;
    else if (!this.#isRead()) callback(this.#abortError);
  }

  #caughtUp(): void {
    this.#pieces = 0;
    if (this.#crowded) {
      this.#crowded = false;
      this.#host.unstalled(this);
    }
    const lost = this.#abortError !== undefined && !this.#remoteEnded;
    if (lost && (this.readableLength === 0 || this.#starving)) this.destroy(this.#abortError);
  }

  /** Whether a reader waits for more than there is. */
  get #starving(): boolean {
    return this.readableLength < this.#wanted;
  }

  #isRead(): boolean {
    return this.readableFlowing !== null || this.listenerCount('readable') > 0 || this.readableDidRead;
  }

  #settleReply(error: Error): void {
    if (this.#reply !== 'pending') return;
    this.#reply = 'refused';
    this.#replyError = error;
    if (this.#accepted !== undefined) ignoreRejection(this.#accepted);
    this.#waiters?.reject(error);
  }
}
