import { Duplex } from 'node:stream';
import { Alarm } from '../../clock/alarm.js';
import {
  ConnectionLostError,
  InvalidArgumentError,
  LimitExceededError,
  ProtocolError,
  TimeoutError,
} from '../../errors/index.js';
import { Budget } from '../../limits/budget.js';
import { CLOSE, describeClose } from './close-codes.js';
import {
  resolveByteStream,
  type NodeWebSocket,
  type ResolvedDuplexOptions,
  type WebSocketDuplexOptions,
} from './duplex-options.js';
import { framingError, isOpen, toBuffer } from './framing.js';
import { messagePool } from './message-pool.js';
import { Messages, type OutgoingMessage } from './messages.js';
import { PieceQueue } from './piece-queue.js';
import { Ponger } from './pings.js';

type WriteCallback = (error?: Error | null) => void;

// What waits is kept in the piece queue, where small pieces cost little; Node's own buffer holds one piece at a time.
const READABLE_HIGH_WATER_MARK = 1;
const WRITABLE_HIGH_WATER_MARK = 64 * 1024;
/** Received bytes that wait for the reader, past which the socket is not read. */
const READ_AHEAD = 64 * 1024;
/** Bytes on their way to the kernel, past which the next message is not made. */
const IN_FLIGHT = 256 * 1024;

/**
 * The byte stream inside an open WebSocket: the payloads of its binary messages, whose boundaries carry no meaning.
 *
 * - Writes are joined to messages of up to `limits.maxDataFrameOut` bytes, large ones are not copied; the callback comes
 *   when the socket took all of it. Nothing is written behind the close frame.
 * - `end()` closes with 1000 and waits for the peer's close, for `limits.closeTimeout` at most.
 * - `'end'` means that the peer closed in good order: with 1000, or, for a client, with 1001. Any other end (another
 *   code, none, a lost socket) is a ConnectionLostError, behind all that had arrived. There is no half-close: the writable
 *   side ends with the readable one.
 * - A text message or a broken frame is a ProtocolError, a message beyond `limits.maxMessageBytes` or too many messages
 *   that carry nothing are a LimitExceededError; the peer is told by a close code.
 * - `destroy()` drops the socket at once.
 *
 * The stream has a default error listener. It sends no pings of its own: engines have a keepalive.
 *
 * @param webSocket is taken over: nobody else may use it. Call in the tick in which it opened.
 * @throws InvalidArgumentError for a WebSocket that is not open and unusable options.
 */
export function webSocketDuplex(webSocket: NodeWebSocket, options: WebSocketDuplexOptions = {}): Duplex {
  if (!isOpen(webSocket)) throw new InvalidArgumentError('the WebSocket is not open');
  return new WebSocketDuplex(webSocket, {
    ...resolveByteStream(options),
    role: options.role ?? (webSocket.url === undefined || webSocket.url === '' ? 'server' : 'client'),
    socket: options.socket,
    answerPings: options.answerPings ?? false,
  });
}

/** See {@link webSocketDuplex}. */
export class WebSocketDuplex extends Duplex {
  readonly #webSocket: NodeWebSocket;
  readonly #options: ResolvedDuplexOptions;
  readonly #queue = new PieceQueue();
  readonly #budget: Budget;
  readonly #goodbye: Alarm;
  #wanted = false;
  /** What a reader asked for in vain, because there is less. */
  #asked = 0;
  #paused = false;
  #peerEnded = false;
  /** What the stream ends with, once all is read. */
  #failure: Error | undefined;
  /** A close frame tells the peer why; until it answered, or its time is over, the socket stays. */
  #lingering = false;
  #gone = false;
  #socketError: Error | undefined;
  #messages: Messages | undefined;
  #writing: WriteCallback | undefined;
  #inFlight = 0;
  #corked = false;

  constructor(webSocket: NodeWebSocket, options: ResolvedDuplexOptions) {
    super({
      allowHalfOpen: false,
      decodeStrings: true,
      readableHighWaterMark: READABLE_HIGH_WATER_MARK,
      writableHighWaterMark: WRITABLE_HIGH_WATER_MARK,
    });
    const { clock, limits } = options;
    this.#webSocket = webSocket;
    this.#options = options;
    this.#budget = new Budget(limits.emptyFrameBurst, limits.emptyFramesPerSecond, clock.now());
    this.#goodbye = new Alarm(clock, () => this.#closeTimeout());
    webSocket.binaryType = 'nodebuffer';
    this.#listen();
    // A carrier that fails while nobody watches must not end the process.
    this.on('error', () => {});
    this.once('end', () => this.#failIfRead());
  }

  #listen(): void {
    const webSocket = this.#webSocket;
    const ponger = new Ponger((payload, sent) => {
      if (isOpen(webSocket)) webSocket.pong(payload, undefined, sent);
    });
    this.#options.socket?.on('error', (error) => (this.#socketError ??= error));
    webSocket.on('message', (data, binary) => this.#receive(data, binary));
    webSocket.on('ping', (payload) => {
      if (this.#options.answerPings) ponger.answer(payload);
      this.#spend();
    });
    webSocket.on('pong', () => this.#spend());
    webSocket.on('error', (error) => this.#violated(framingError(error)));
    webSocket.on('close', (code, reason) => this.#closed(code, reason.toString()));
  }

  #receive(data: Buffer | ArrayBuffer | Buffer[], binary: boolean): void {
    if (this.destroyed || this.#failure !== undefined) return;
    const payload = toBuffer(data);
    const { maxMessageBytes } = this.#options.limits;
    if (!binary) {
      const error = new ProtocolError('WebSocket: a text message on a byte stream', { initiator: 'remote' });
      this.#violated(error, CLOSE.unsupportedData);
    } else if (payload.length > maxMessageBytes) {
      const message = 'a WebSocket message is too long';
      this.#violated(new LimitExceededError('maxMessageBytes', message, { initiator: 'remote' }), CLOSE.tooBig);
    } else if (payload.length === 0) {
      this.#spend();
    } else {
      this.#take(payload);
    }
  }

  #take(payload: Buffer): void {
    if (this.#queue.bytes === 0 && this.readableFlowing === true && this.readableLength === 0) {
      this.#wanted = false;
      this.push(payload);
      return;
    }
    this.#queue.push(payload);
    if (this.#wanted) this.#deliver();
    if (this.#queue.bytes < READ_AHEAD || this.#paused) return;
    this.#paused = true;
    this.#webSocket.pause();
  }

  override read(size?: number): unknown {
    const chunk: unknown = super.read(size);
    if (size !== 0) this.#asked = chunk === null && size !== undefined ? size : 0;
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
    if (!this.#paused || this.#queue.bytes > READ_AHEAD / 2) return;
    this.#paused = false;
    this.#webSocket.resume();
  }

  /** A peer that keeps us busy with messages that carry nothing is cut off. */
  #spend(): void {
    if (this.#failure !== undefined || this.#budget.spend(this.#options.clock.now())) return;
    const message = 'the peer sends too many messages that carry nothing';
    const error = new LimitExceededError('emptyFrameBurst', message, { initiator: 'remote' });
    this.#violated(error, CLOSE.policyViolation);
  }

  /** The peer broke a rule. Without a code, `ws` has told it already. */
  #violated(error: Error, code?: number): void {
    if (this.#failure !== undefined || this.#gone) return;
    this.#lingering = true;
    this.#failure = error;
    if (code !== undefined && isOpen(this.#webSocket)) this.#webSocket.close(code);
    this.#webSocket.resume();
    this.#goodbye.set(this.#options.clock.now() + this.#options.limits.closeTimeout);
    this.#failIfRead();
  }

  #closed(code: number, text: string): void {
    this.#gone = true;
    this.#goodbye.cancel();
    const error = new ConnectionLostError(describeClose(code, text), {
      initiator: 'remote',
      ...(this.#socketError === undefined ? {} : { cause: this.#socketError }),
    });
    const orderly = code === CLOSE.normal || (code === CLOSE.goingAway && this.#options.role === 'client');
    if (!orderly || this.#failure !== undefined) {
      this.#failure ??= error;
      this.#failIfRead();
      return;
    }
    this.#peerEnded = true;
    if (this.#messages !== undefined) this.#failure = error;
    else this.#written();
    if (this.#queue.bytes === 0) this.push(null);
    this.#failIfRead();
  }

  #closeTimeout(): void {
    const { closeTimeout } = this.#options.limits;
    const message = `the peer did not answer the close within ${closeTimeout} ms`;
    this.#failure ??= new ConnectionLostError(message, {
      initiator: 'remote',
      cause: new TimeoutError(message, closeTimeout, { initiator: 'remote' }),
    });
    this.#webSocket.terminate();
  }

  /** A reader gets what had arrived first. Where there is none, nobody who writes has to wait for that. */
  #failIfRead(): void {
    if (this.#failure === undefined || this.destroyed) return;
    const held = this.readableLength + this.#queue.bytes;
    // To a reader that waits for more than there is, what had arrived is of no use.
    const unread = this.#peerEnded ? !this.readableEnded : held > 0 && held >= this.#asked;
    const nobodyReads = this.#gone && this.#writing !== undefined && !this.#hasReader();
    if (!unread || nobodyReads) this.destroy(this.#failure);
  }

  #hasReader(): boolean {
    return this.readableFlowing !== null || this.readableDidRead || this.listenerCount('readable') > 0;
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
    this.#messages = new Messages(pieces, this.#options.limits.maxDataFrameOut);
    if (!this.#gone) return this.#pump();
    this.#failure ??= new ConnectionLostError('the peer has closed the WebSocket', { initiator: 'remote' });
    this.#failIfRead();
  }

  #pump(): void {
    while (this.#messages !== undefined && this.#inFlight < IN_FLIGHT) {
      // When it is closing, its end follows, and fails the write.
      if (!isOpen(this.#webSocket)) return;
      const message = this.#messages.next();
      if (message === undefined) break;
      this.#sendMessage(message);
    }
    if (this.#inFlight > 0 || this.#messages === undefined) return;
    this.#messages = undefined;
    this.#written();
  }

  #sendMessage({ bytes, pooled }: OutgoingMessage): void {
    this.#cork();
    this.#inFlight += bytes.length;
    this.#webSocket.send(bytes, { binary: true }, (error) => {
      this.#inFlight -= bytes.length;
      if (pooled) messagePool.give(bytes);
      if (!error) this.#pump();
    });
  }

  #written(): void {
    const callback = this.#writing;
    this.#writing = undefined;
    callback?.();
  }

  /** Messages of one tick leave in one system call. */
  #cork(): void {
    const { socket } = this.#options;
    if (this.#corked || socket === undefined) return;
    this.#corked = true;
    socket.cork();
    process.nextTick(() => {
      this.#corked = false;
      socket.uncork();
    });
  }

  override _final(callback: WriteCallback): void {
    // Called when the peer has closed too, or by the failure that comes in its place.
    this.#writing = callback;
    if (this.#gone) {
      if (this.#failure === undefined) this.#written();
      else this.#failIfRead();
      return;
    }
    if (isOpen(this.#webSocket)) this.#webSocket.close(CLOSE.normal);
    this.#goodbye.set(this.#options.clock.now() + this.#options.limits.closeTimeout);
  }

  override _destroy(error: Error | null, callback: WriteCallback): void {
    this.#queue.clear();
    this.#messages = undefined;
    this.#failure ??= error ?? new ConnectionLostError('the stream was destroyed', { initiator: 'local' });
    if (!this.#lingering) {
      this.#goodbye.cancel();
      this.#webSocket.terminate();
    }
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.(this.#failure);
    callback(error);
  }
}
