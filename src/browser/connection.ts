import { Alarm } from '../clock/alarm.js';
import { systemClock, type Clock } from '../clock/clock.js';
import {
  ConnectionLostError,
  InvalidArgumentError,
  LimitExceededError,
  ProtocolError,
  StreamResetError,
  TimeoutError,
  TrunklineError,
  type ResetReason,
} from '../errors/index.js';
import type { CloseReason } from '../httpstream/close-reason.js';
import { StreamHeaders, type HeadersInit } from '../httpstream/headers.js';
import { resolveLimits, type Limits } from '../limits/limits.js';
import { Keepalive } from '../mux/keepalive.js';
import { Pings } from '../mux/pings.js';
import { IdMap } from '../wire/id-map.js';
import type { Machine, MachineEvents, WireStream } from '../wire/machine.js';
import { Leftovers } from './leftovers.js';
import { makeMachine } from './make-machine.js';
import type { ConnectWebSocketOptions } from './options.js';
import { Outbound } from './outbound.js';
import { serveStream } from './serve.js';
import { PairStream, type StreamHost } from './stream.js';
import type { BrowserConnection, BrowserStream, BrowserStreamHandler } from './types.js';
import { listen, type CloseInfo, type WebSocketLike } from './web-socket.js';

/** Close codes that pages may send: an orderly end, and one of our own for everything else (RFC 6455, 7.4.2). */
const CLOSE_NORMAL = 1000;
const CLOSE_GOING_AWAY = 1001;
const CLOSE_FAILED = 4000;

const refuseStreams: BrowserStreamHandler = (stream) => stream.refuse('refused', 'this client takes no streams');

/** Streams over one open WebSocket: where the yamux machine meets a browser. */
export class WebSocketConnection implements BrowserConnection, StreamHost, MachineEvents<PairStream, Uint8Array> {
  readonly protocol: string;
  readonly closed: Promise<CloseReason>;
  readonly #socket: WebSocketLike;
  readonly #unlisten: () => void;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #handler: BrowserStreamHandler;
  readonly #onHandlerError: ConnectWebSocketOptions['onHandlerError'];
  readonly #machine: Machine<PairStream, Uint8Array>;
  readonly #outbound: Outbound;
  readonly #keepalive: Keepalive;
  readonly #pings: Pings;
  readonly #closing: Alarm;
  readonly #now = (): number => this.#clock.now();
  readonly #live = new IdMap<PairStream>();
  /** Opened by the peer, and open on the wire or still in the hands of their handler. */
  readonly #serving = new Set<PairStream>();
  /** Opened by the peer, with the reply put off. */
  readonly #deferred = new Set<PairStream>();
  readonly #leftovers = new Leftovers();
  #goneAway = false;
  #reason: CloseReason | undefined;
  #settled = false;
  #settleClosed!: (reason: CloseReason) => void;

  constructor(socket: WebSocketLike, options: ConnectWebSocketOptions) {
    const { pingPeriod = 15_000, pingTimeout = 10_000 } = options;
    this.protocol = socket.protocol;
    this.#socket = socket;
    this.#limits = resolveLimits(options.limits);
    this.#clock = options.clock ?? systemClock;
    this.#handler = options.newStreamHandler ?? refuseStreams;
    this.#onHandlerError = options.onHandlerError;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    const held = (): number => this.#leftovers.bytes;
    const wake = (): void => this.#outbound.schedule();
    this.#machine = makeMachine(socket.protocol, this, { limits: this.#limits, clock: this.#clock, held, wake });
    this.#outbound = new Outbound(socket, this.#machine, this.#limits, this.#clock, () => this.#writeStalled());
    this.#pings = new Pings(this.#clock, () => this.#sendPing());
    this.#keepalive = new Keepalive(this.#clock, pingPeriod, pingTimeout, {
      sendPing: () => void this.#sendPing(),
      answerable: () => !this.#outbound.busy,
      peerDead: (silence) => this.#peerDead(silence),
    });
    this.#closing = new Alarm(this.#clock, () => this.#settle());
    this.#unlisten = listen(socket, {
      message: (data) => this.#message(data),
      closed: (info) => this.#socketClosed(info),
    });
  }

  get streams(): ReadonlyMap<number, BrowserStream> {
    return this.#live;
  }

  async createStream(
    headers: HeadersInit = {},
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<BrowserStream> {
    const { signal } = options;
    signal?.throwIfAborted();
    const stream = this.#open(headers);
    const giveUp = (error: Error): void => {
      this.reset(stream, 'cancel');
      stream.drop(error);
    };
    const { createTimeout } = this.#limits;
    const timer = this.#clock.setTimeout(() => {
      const message = `the peer did not answer stream ${stream.id} in ${createTimeout} ms`;
      giveUp(new TimeoutError(message, createTimeout));
    }, createTimeout);
    const aborted = (): void => giveUp(new Error('aborted', { cause: signal?.reason }));
    signal?.addEventListener('abort', aborted, { once: true });
    try {
      await stream.accepted;
      return stream;
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', aborted);
    }
  }

  openStream(headers: HeadersInit = {}): BrowserStream {
    return this.#open(headers);
  }

  async close(): Promise<void> {
    this.#end({ kind: 'closed', initiator: 'local' });
    await this.closed;
  }

  async ping(options: { readonly signal?: AbortSignal } = {}): Promise<number> {
    this.#throwIfClosed();
    return await this.#pings.ping(options.signal);
  }

  // What streams ask of their connection.

  write(stream: PairStream, bytes: Uint8Array, done: () => void): void {
    this.#outbound.write(stream, bytes, done);
  }

  end(stream: PairStream): void {
    this.#machine.end(stream.wire);
    this.#outbound.schedule();
  }

  accept(stream: PairStream): void {
    this.#deferred.delete(stream);
    this.#machine.accept(stream.wire);
    stream.replied();
    this.#outbound.schedule();
  }

  refuse(stream: PairStream, reason: ResetReason, message: string | undefined): void {
    this.#deferred.delete(stream);
    this.#machine.refuse(stream.wire, reason, message);
    this.#outbound.schedule();
  }

  defer(stream: PairStream): void {
    if (this.#deferred.size >= this.#limits.acceptBacklog)
      stream.refuse('refused', 'too many streams wait for a reply');
    else this.#deferred.add(stream);
  }

  reset(stream: PairStream, reason: ResetReason): void {
    if (this.#reason !== undefined || stream.wire.state === 'closed') return;
    this.#machine.reset(stream.wire, reason);
    this.#outbound.schedule();
  }

  consumed(stream: PairStream, bytes: number): void {
    if (this.#reason !== undefined || stream.wire.state === 'closed') return;
    this.#machine.consumed(stream.wire, bytes, this.#now);
    this.#outbound.schedule();
  }

  drained(stream: PairStream): void {
    this.#leftovers.drained(stream);
  }

  // What the machine reports.

  streamOpened(wire: WireStream<PairStream>, fields: ReadonlyMap<string, readonly string[]>): void {
    const headers = parseHeaders(fields);
    if (headers === undefined) return this.#machine.violated(wire, 'protocol-error');
    if (this.#reason !== undefined || this.#serving.size >= this.#limits.maxStreams) {
      return this.#machine.refuse(wire, 'refused', 'too many streams');
    }
    const stream = new PairStream(this, () => wire, headers, this.#machine.earlyData);
    wire.owner = stream;
    this.#live.set(stream.id, stream);
    this.#serving.add(stream);
    const handled = (): void => {
      stream.handled = true;
      if (wire.state === 'closed') this.#served(stream);
    };
    serveStream(stream, this.#handler, handled, this.#onHandlerError);
  }

  streamAccepted(wire: WireStream<PairStream>): void {
    wire.owner?.replied();
  }

  streamHeaders(): void {
    // yamux has no such frame.
  }

  streamData(wire: WireStream<PairStream>, chunk: Uint8Array): void {
    wire.owner?.receive(chunk);
  }

  streamEnded(wire: WireStream<PairStream>): void {
    wire.owner?.receiveEnd();
  }

  streamWritable(wire: WireStream<PairStream>): void {
    if (wire.owner !== undefined) this.#outbound.writable(wire.owner);
  }

  streamReset(wire: WireStream<PairStream>, reason: ResetReason, message = ''): void {
    const said = message === '' ? {} : { message: `stream reset by the peer: ${message} (${reason})` };
    wire.owner?.abort(new StreamResetError(reason, { initiator: 'remote', ...said }));
  }

  streamClosed(wire: WireStream<PairStream>): void {
    const stream = wire.owner;
    if (stream === undefined) return;
    this.#outbound.drop(stream);
    this.#deferred.delete(stream);
    this.#live.delete(stream.id);
    // Its window is given back, so what it holds counts from here on, whatever its handler still does.
    if (wire.inbound) this.#leftovers.add(stream);
    if (stream.handled && wire.inbound) this.#served(stream);
    this.#endWhenGoneAway();
  }

  pong(id: number): void {
    this.#pings.answered(id);
  }

  goneAway(lastId: number, error?: ProtocolError): void {
    this.#goneAway = true;
    if (error !== undefined) {
      const lost = new ConnectionLostError(`the connection was closed: ${error.message}`, { cause: error });
      return this.#end({ kind: 'protocol-error', initiator: 'remote', error }, lost, false);
    }
    for (const stream of this.#live.values()) {
      const unseen = !stream.wire.inbound && stream.wire.state === 'opening' && stream.id > lastId;
      if (unseen) stream.abort(new StreamResetError('refused', { initiator: 'remote' }));
    }
    this.#endWhenGoneAway();
  }

  #open(headers: HeadersInit): PairStream {
    this.#throwIfClosed();
    if (this.#goneAway) throw new ConnectionLostError('the peer is going away and takes no more streams');
    const fields = headers instanceof StreamHeaders ? headers : new StreamHeaders(headers);
    const stream = new PairStream(
      this,
      (owner) => this.#machine.open(fields.entries(), owner),
      fields,
      this.#machine.earlyData,
    );
    this.#live.set(stream.id, stream);
    this.#outbound.schedule();
    return stream;
  }

  #throwIfClosed(): void {
    if (this.#reason === undefined) return;
    throw new ConnectionLostError('the connection is closed', { cause: this.#reason.error });
  }

  #served(stream: PairStream): void {
    this.#serving.delete(stream);
  }

  #endWhenGoneAway(): void {
    if (this.#goneAway && this.#live.size === 0) this.#end({ kind: 'going-away', initiator: 'remote' });
  }

  #message(data: unknown): void {
    if (this.#reason !== undefined) return;
    if (!(data instanceof ArrayBuffer)) {
      const what = typeof data === 'string' ? 'a text message' : 'a message that is no ArrayBuffer';
      this.#failed(new ProtocolError(`${what} came, where yamux is binary`, { initiator: 'remote' }));
      return;
    }
    const bytes = new Uint8Array(data);
    const now = this.#clock.now();
    this.#keepalive.heard(now);
    try {
      for (let offset = 0; offset < bytes.length && this.#reason === undefined;) {
        offset = this.#machine.receive(bytes, offset, now);
        this.#boundControlFrames();
      }
    } catch (error) {
      this.#failed(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#outbound.serve();
  }

  /** Nothing stops a WebSocket from receiving, so a peer that makes us answer and does not read has to go. */
  #boundControlFrames(): void {
    if (this.#machine.pendingControlFrames < this.#limits.maxPendingControlFrames) return;
    this.#machine.pendingControlFrames = 0;
    this.#outbound.flush();
    const { outboundBytes } = this.#limits;
    if (this.#socket.bufferedAmount <= 2 * outboundBytes) return;
    throw new LimitExceededError(
      'outboundBytes',
      `the peer asks for answers and reads none: ${this.#socket.bufferedAmount} bytes wait, twice ${outboundBytes} may`,
      { initiator: 'remote' },
    );
  }

  #sendPing(): number {
    const id = this.#machine.ping();
    this.#outbound.schedule();
    return id;
  }

  #peerDead(silence: number): void {
    const error = new ConnectionLostError(`the peer answered no ping for ${Math.round(silence)} ms`, {
      initiator: 'remote',
    });
    this.#end({ kind: 'ping-timeout', initiator: 'local', error }, error);
    this.#settle();
  }

  #writeStalled(): void {
    const error = new ConnectionLostError(`the peer took no bytes for ${this.#limits.writeTimeout} ms`, {
      initiator: 'remote',
    });
    this.#end({ kind: 'lost', initiator: 'local', error }, error);
    this.#settle();
  }

  #failed(error: Error): void {
    const lost = new ConnectionLostError(`the connection was closed: ${error.message}`, { cause: error });
    if (!(error instanceof TrunklineError)) this.#machine.goAway('internal-error');
    this.#end({ kind: 'protocol-error', initiator: 'local', error }, lost, false);
  }

  /** Ends the connection in order: streams first, then the goodbye, then the WebSocket, with a deadline. */
  #end(reason: CloseReason, error?: Error, resetStreams = true): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#keepalive.close();
    for (const stream of this.#live.values()) {
      if (resetStreams) this.#machine.reset(stream.wire, 'cancel');
      if (error === undefined) stream.drop(new StreamResetError('cancel', { initiator: 'local' }));
      else stream.abort(error);
    }
    this.#live.clear();
    this.#machine.goAway();
    this.#outbound.finish();
    this.#pings.close(error ?? new ConnectionLostError('the connection was closed', { initiator: 'local' }));
    this.#closing.set(this.#clock.now() + this.#limits.closeTimeout);
    this.#socket.close(reason.kind === 'closed' || reason.kind === 'going-away' ? CLOSE_NORMAL : CLOSE_FAILED);
  }

  #socketClosed({ code, reason, wasClean }: CloseInfo): void {
    const orderly = wasClean && (code === CLOSE_NORMAL || code === CLOSE_GOING_AWAY);
    const why = reason === '' ? `code ${code}` : `code ${code}: ${reason}`;
    const error = new ConnectionLostError(
      orderly ? `the peer ended the connection (${why})` : `the connection was lost (${why})`,
      { initiator: 'remote' },
    );
    if (!orderly) this.#end({ kind: 'lost', initiator: 'remote', error }, error, false);
    else this.#end({ kind: this.#goneAway ? 'going-away' : 'ended', initiator: 'remote' }, error, false);
    this.#settle();
  }

  /** The WebSocket is gone, or will not tell any more that it is. */
  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#unlisten();
    this.#closing.cancel();
    this.#outbound.close();
    this.#machine.close();
    if (this.#reason !== undefined) this.#settleClosed(this.#reason);
  }
}

function parseHeaders(fields: ReadonlyMap<string, readonly string[]>): StreamHeaders | undefined {
  try {
    return new StreamHeaders(Object.fromEntries(fields));
  } catch (error) {
    if (error instanceof InvalidArgumentError) return undefined;
    throw error;
  }
}
