import { deferred, type Deferred } from '../clock/deferred.js';
import { InvalidArgumentError, StreamResetError, type ResetReason } from '../errors/index.js';
import type { StreamHeaders } from '../httpstream/headers.js';
import type { WireStream } from '../wire/machine.js';
import { ByteQueue } from './byte-queue.js';
import type { IncomingBrowserStream } from './types.js';

/** What a stream needs of its connection. */
export interface StreamHost {
  /** Sends `bytes` in turn with other streams, then calls back. */
  write(stream: PairStream, bytes: Uint8Array, done: () => void): void;
  end(stream: PairStream): void;
  accept(stream: PairStream): void;
  refuse(stream: PairStream, reason: ResetReason, message: string | undefined): void;
  /** The handler put off its reply. */
  defer(stream: PairStream): void;
  reset(stream: PairStream, reason: ResetReason): void;
  /** The application has read this many bytes. */
  consumed(stream: PairStream, bytes: number): void;
  /** Nothing that was received is left to be read. */
  drained(stream: PairStream): void;
}

/** What a writer may put down while its last write waits. */
const WRITABLE_BYTES = 256 * 1024;

type ReplyState = 'pending' | 'accepted' | 'refused';

/** A stream of a multiplexed connection, opened by either side, as a pair of WHATWG streams. */
export class PairStream implements IncomingBrowserStream {
  readonly headers: StreamHeaders;
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<Uint8Array>;
  readonly wire: WireStream<PairStream>;
  /** Whether the handler decides later. */
  deferred = false;
  /** Whether the handler is done with it, its promise included. */
  handled = false;
  readonly #host: StreamHost;
  readonly #unread = new ByteQueue();
  #reader!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #writer!: WritableStreamDefaultController;
  /** Somebody waits in `read()`. */
  #wanted = false;
  /** `readable` has closed, failed, or was cancelled. */
  #readOver = false;
  #remoteEnded = false;
  #error: Error | undefined;
  #reply: ReplyState = 'pending';
  #accepted: Deferred<void> | undefined;
  /** The write or close under way, of which there is one at most. */
  #writing: Deferred<void> | undefined;
  /** What it does once the reply is there. */
  #held: (() => void) | undefined;
  /** Whether it may be sent before the reply. */
  readonly #early: boolean;

  constructor(
    host: StreamHost,
    wire: (owner: PairStream) => WireStream<PairStream>,
    headers: StreamHeaders,
    earlyData: boolean,
  ) {
    this.#host = host;
    this.headers = headers;
    this.wire = wire(this);
    this.#early = earlyData && !this.wire.inbound;
    this.readable = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        start: (controller) =>
          void (this.#reader = controller as ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>),
        pull: () => {
          this.#wanted = true;
          this.#deliver();
        },
        cancel: (reason) => {
          this.#readOver = true;
          this.reset(reasonOf(reason));
        },
      },
      // Nothing is taken out of the window before somebody reads.
      { highWaterMark: 0 },
    );
    this.writable = new WritableStream<Uint8Array>(
      {
        start: (controller) => void (this.#writer = controller),
        write: (chunk) => this.#write(chunk),
        close: () => this.#send((done) => this.#end(done)),
        abort: (reason) => this.reset(reasonOf(reason)),
      },
      { highWaterMark: WRITABLE_BYTES, size: sizeOf },
    );
  }

  get id(): number {
    return this.wire.id;
  }

  get replyState(): ReplyState {
    return this.#reply;
  }

  /** Bytes that were received and not read. */
  get unreadBytes(): number {
    return this.#unread.length;
  }

  get accepted(): Promise<void> {
    if (this.#accepted === undefined) {
      this.#accepted = deferred();
      if (this.#reply === 'accepted') this.#accepted.resolve();
      else if (this.#reply === 'refused') this.#accepted.reject(this.#error);
    }
    return this.#accepted.promise;
  }

  deferReply(): void {
    if (this.deferred || this.#reply !== 'pending' || !this.wire.inbound) return;
    this.deferred = true;
    this.#host.defer(this);
  }

  accept(): void {
    if (this.#reply === 'pending' && this.wire.inbound) this.#host.accept(this);
  }

  refuse(reason: ResetReason = 'cancel', message?: string): void {
    if (this.#reply !== 'pending' || !this.wire.inbound) return;
    this.#host.refuse(this, reason, message);
    this.drop(new StreamResetError(reason, { initiator: 'local' }));
  }

  reset(reason: ResetReason = 'cancel'): void {
    this.#host.reset(this, reason);
    this.drop(new StreamResetError(reason, { initiator: 'local' }));
  }

  /** The reply is there, or on its way. */
  replied(): void {
    if (this.#reply !== 'pending') return;
    this.#reply = 'accepted';
    this.#accepted?.resolve();
    const held = this.#held;
    this.#held = undefined;
    held?.();
  }

  /** Bytes from the peer: a view into a message. */
  receive(bytes: Uint8Array): void {
    if (this.#readOver) return;
    this.#unread.push(bytes);
    this.#deliver();
  }

  /** FIN from the peer. */
  receiveEnd(): void {
    this.#remoteEnded = true;
    this.#deliver();
  }

  /** The peer reset the stream, or the connection is gone: what has arrived is delivered first, an orderly end included. */
  abort(error: Error): void {
    if (this.#error !== undefined) return;
    this.#error = error;
    this.#stop(error);
    this.#deliver();
  }

  /** The stream ends at once; nothing is delivered any more. */
  drop(error: Error): void {
    this.#error ??= error;
    this.#stop(error);
    this.#unread.clear();
    if (!this.#readOver) this.#reader.error(this.#error);
    this.#readOver = true;
    this.#host.drained(this);
  }

  #deliver(): void {
    if (this.#readOver) return;
    if (this.#wanted) {
      const piece = this.#unread.shift();
      if (piece !== undefined) {
        this.#wanted = false;
        this.#reader.enqueue(piece);
        this.#host.consumed(this, piece.length);
      }
    }
    if (this.#unread.length > 0 || this.#readOver) return;
    if (this.#remoteEnded) {
      this.#readOver = true;
      this.#reader.close();
      this.#host.drained(this);
    } else if (this.#error !== undefined && (this.#reader.desiredSize ?? 0) >= 0) {
      // A chunk that a reader asked for and then let go of comes before the error, and so that reader asks again.
      this.#readOver = true;
      this.#reader.error(this.#error);
      this.#host.drained(this);
    }
  }

  /** Ends the writing side, and the waiting for a reply, with an error. */
  #stop(error: Error): void {
    if (this.#reply === 'pending') {
      this.#reply = 'refused';
      this.#accepted?.reject(error);
    }
    this.#held = undefined;
    this.#writer.error(error);
    this.#writing?.reject(error);
    this.#writing = undefined;
  }

  async #write(chunk: unknown): Promise<void> {
    const bytes = bytesOf(chunk);
    if (bytes === undefined) {
      // What follows must not look like the whole.
      const error = new InvalidArgumentError('a chunk must be an ArrayBuffer or a view of one');
      this.#host.reset(this, 'internal-error');
      this.drop(error);
      throw error;
    }
    if (bytes.length > 0) await this.#send((done) => this.#host.write(this, bytes, done));
  }

  #send(action: (done: () => void) => void): Promise<void> {
    const writing = deferred<void>();
    this.#writing = writing;
    const done = (): void => {
      if (this.#writing === writing) this.#writing = undefined;
      writing.resolve();
    };
    if (this.#early || this.#reply === 'accepted') action(done);
    else this.#held = () => action(done);
    return writing.promise;
  }

  #end(done: () => void): void {
    this.#host.end(this);
    done();
  }
}

/** What a `cancel` or `abort` is told to the peer as. */
function reasonOf(reason: unknown): ResetReason {
  return reason instanceof StreamResetError ? reason.reason : 'cancel';
}

function bytesOf(chunk: unknown): Uint8Array | undefined {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  return chunk instanceof ArrayBuffer ? new Uint8Array(chunk) : undefined;
}

function sizeOf(chunk: unknown): number {
  return bytesOf(chunk)?.byteLength ?? 0;
}
