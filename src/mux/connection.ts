import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Alarm } from '../clock/alarm.js';
import { systemClock, type Clock } from '../clock/clock.js';
import {
  ConnectionLostError,
  IdleTimeoutError,
  InvalidArgumentError,
  ProtocolError,
  StreamResetError,
  TimeoutError,
  TrunklineError,
  type ResetReason,
} from '../errors/index.js';
import {
  StreamHeaders,
  type CloseReason,
  type Connection,
  type HeadersInit,
  type NewStreamHandler,
  type Stream,
} from '../httpstream/index.js';
import { resolveLimits, type Limits } from '../limits/limits.js';
import { IdMap } from '../wire/id-map.js';
import type { Machine, MachineEvents, WireStream } from '../wire/machine.js';
import { Inbound } from './inbound.js';
import { Keepalive } from './keepalive.js';
import { checkMilliseconds, type ConnectionOptions } from './options.js';
import { OpenBacklog } from './open-backlog.js';
import { Outbound } from './outbound.js';
import { Pings } from './pings.js';
import { serveStream } from './serve-stream.js';
import { Leftovers } from './leftovers.js';
import { MuxStream, type StreamHost } from './stream.js';

/** Milliseconds until the kernel probes a silent peer, whatever our pings say. */
const KERNEL_KEEPALIVE = 15_000;

/** What a {@link MachineFactory} gets. */
export interface MachineSetup {
  readonly limits: Limits;
  readonly clock: Clock;
  /** The time now. */
  readonly now: number;
  /** Bytes that finished streams of the peer still hold unread. */
  readonly held: () => number;
  /** To be called when there is output outside of a call of the connection. */
  readonly wake: () => void;
}

/** Streams without an answer, after which `createStream` waits before it opens one more: hashicorp's accept backlog. */
const UNANSWERED_STREAMS = 256;

/** Makes the wire machine of a connection. */
export type MachineFactory = (events: MachineEvents<MuxStream>, setup: MachineSetup) => Machine<MuxStream>;

/** Streams over one `Duplex`: where a wire machine meets a socket and a clock. */
export class MuxConnection implements Connection, StreamHost, MachineEvents<MuxStream> {
  readonly closed: Promise<CloseReason>;
  readonly #socket: Duplex;
  readonly #limits: Limits;
  readonly #clock: Clock;
  readonly #handler: NewStreamHandler;
  readonly #onHandlerError: ConnectionOptions['onHandlerError'];
  readonly #machine: Machine<MuxStream>;
  readonly #inbound: Inbound;
  readonly #outbound: Outbound;
  readonly #keepalive: Keepalive;
  readonly #pings: Pings;
  readonly #now: () => number = () => this.#clock.now();
  readonly #idle: Alarm;
  readonly #closing: Alarm;
  readonly #pingsAreActivity: boolean;
  readonly #streams = new IdMap<MuxStream>();
  /** All that are open on the wire, also those removed from `streams`. */
  readonly #live = new IdMap<MuxStream>();
  /** Opened by the peer, and open on the wire or still in the hands of their handler. */
  readonly #serving = new IdMap<MuxStream>();
  /** What streams of the peer hold unread that are in nobody's account above. */
  readonly #leftovers = new Leftovers();
  readonly #openBacklog = new OpenBacklog(UNANSWERED_STREAMS);
  /** Opened by the peer, with the reply put off. */
  readonly #deferred = new Set<MuxStream>();
  #idleTimeout = 0;
  #seenActivity = 0;
  #lastActivity: number;
  /** Data was sent and nothing heard since: on a wire without flow control that data may block the peer's reader. */
  #sentSinceHeard = false;
  #goneAway = false;
  #reason: CloseReason | undefined;
  #socketError: Error | undefined;
  #settleClosed!: (reason: CloseReason) => void;

  constructor(socket: Duplex, machine: MachineFactory, handler: NewStreamHandler, options: ConnectionOptions = {}) {
    const { pingPeriod = 15_000, pingTimeout = 10_000, idleTimeout = 0 } = options;
    this.#limits = resolveLimits(options.limits);
    this.#clock = options.clock ?? systemClock;
    this.#handler = handler;
    this.#onHandlerError = options.onHandlerError;
    this.#socket = socket;
    this.#pingsAreActivity = options.pingsAreActivity ?? false;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    const now = this.#clock.now();
    this.#lastActivity = now;
    const held = (): number => this.#leftovers.bytes;
    const wake = (): void => this.#flushLater();
    this.#machine = machine(this, { limits: this.#limits, clock: this.#clock, now, held, wake });
    this.#outbound = new Outbound(socket, this.#machine, this.#limits, this.#clock, {
      writeStalled: () => this.#writeStalled(),
      drained: () => this.#inbound.release(),
      progress: () => {
        this.#noteActivity();
        this.#closing.postpone(this.#clock.now() + this.#limits.closeTimeout);
      },
    });
    const { frameTimeout } = this.#limits;
    const settings = { clock: this.#clock, frameTimeout, stallPolicy: options.stallPolicy ?? 'pause' };
    this.#inbound = new Inbound(socket, this.#machine, settings, {
      received: (at) => this.#received(at),
      failed: (error) => this.#failed(error),
      stallTimeout: (stream) => stream.reset('flow-control-error'),
    });
    this.#pings = new Pings(this.#clock, () => this.#sendPing());
    this.#keepalive = new Keepalive(
      this.#clock,
      checkMilliseconds('pingPeriod', pingPeriod),
      checkMilliseconds('pingTimeout', pingTimeout),
      {
        sendPing: () => void (this.#outbound.busy || this.#sendPing()),
        answerable: () =>
          !this.#inbound.paused && !this.#outbound.busy && (this.#machine.flowControl || !this.#sentSinceHeard),
        peerDead: (silence) => this.#peerDead(silence),
      },
    );
    this.#idle = new Alarm(this.#clock, () => this.#idleCheck());
    this.#closing = new Alarm(this.#clock, () => socket.destroy());
    this.setIdleTimeout(idleTimeout);
    this.#attach(options.head);
  }

  get streams(): ReadonlyMap<number, Stream> {
    return this.#streams;
  }

  async createStream(headers: HeadersInit, options: { readonly signal?: AbortSignal } = {}): Promise<Stream> {
    const { signal } = options;
    signal?.throwIfAborted();
    const { createTimeout } = this.#limits;
    const deadline = this.#clock.now() + createTimeout;
    const stream = this.#openBacklog.free ? this.#open(headers) : await this.#openInTurn(headers, signal);
    const timer = this.#clock.setTimeout(() => {
      this.reset(stream, 'cancel');
      stream.destroy(
        new TimeoutError(`the peer did not answer stream ${stream.id} in ${createTimeout} ms`, createTimeout),
      );
    }, deadline - this.#clock.now());
    const aborted = (): void => {
      this.reset(stream, 'cancel');
      stream.destroy(signal?.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal?.reason }));
    };
    if (signal?.aborted === true) aborted();
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

  openStream(headers: HeadersInit): Stream {
    return this.#open(headers);
  }

  #open(headers: HeadersInit): MuxStream {
    if (this.#reason !== undefined)
      throw new ConnectionLostError('the connection is closed', { cause: this.#reason.error });
    if (this.#goneAway) throw new ConnectionLostError('the peer is going away and takes no more streams');
    const fields = headers instanceof StreamHeaders ? headers : new StreamHeaders(headers);
    const stream = new MuxStream(
      this,
      (owner) => this.#machine.open(fields.entries(), owner),
      fields,
      this.#limits.streamBufferBytes,
    );
    this.#register(stream);
    stream.unanswered = true;
    this.#openBacklog.opened();
    this.#flushLater();
    return stream;
  }

  async close(): Promise<void> {
    this.#end({ kind: 'closed', initiator: 'local' });
    await this.closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  setIdleTimeout(milliseconds: number): void {
    this.#idleTimeout = checkMilliseconds('idle timeout', milliseconds);
    if (this.#reason !== undefined) return;
    this.#lastActivity = this.#clock.now();
    this.#idle.set(milliseconds === 0 ? undefined : this.#lastActivity + milliseconds);
  }

  removeStreams(...streams: readonly (Stream | undefined)[]): void {
    for (const stream of streams) {
      if (stream !== undefined && this.#streams.get(stream.id) === stream) this.#streams.delete(stream.id);
    }
  }

  async ping(options: { readonly signal?: AbortSignal } = {}): Promise<number> {
    if (this.#reason !== undefined)
      throw new ConnectionLostError('the connection is closed', { cause: this.#reason.error });
    return await this.#pings.ping(options.signal);
  }

  // What streams ask of their connection.

  write(stream: MuxStream, chunks: readonly Buffer[]): void {
    this.#sentSinceHeard = true;
    this.#outbound.write(stream, chunks);
    this.#noteActivity();
  }

  end(stream: MuxStream): void {
    this.#machine.end(stream.wire);
    this.#flushLater();
  }

  accept(stream: MuxStream): void {
    this.#deferred.delete(stream);
    this.#machine.accept(stream.wire);
    stream.replied();
    this.#flushLater();
  }

  defer(stream: MuxStream): void {
    if (this.#deferred.size >= this.#limits.acceptBacklog) stream.reset('refused');
    else this.#deferred.add(stream);
  }

  refuse(stream: MuxStream, reason: ResetReason, message: string | undefined): void {
    this.#deferred.delete(stream);
    this.#machine.refuse(stream.wire, reason, message);
    this.#flushLater();
  }

  reset(stream: MuxStream, reason: ResetReason): void {
    this.#machine.reset(stream.wire, reason);
    this.#flushLater();
  }

  get flowControl(): boolean {
    return this.#machine.flowControl;
  }

  get earlyData(): boolean {
    return this.#machine.earlyData;
  }

  consumed(stream: MuxStream, bytes: number): void {
    this.#machine.consumed(stream.wire, bytes, this.#now);
    if (this.#machine.output.length > 0) this.#outbound.schedule();
  }

  stalled(stream: MuxStream): void {
    this.#inbound.stall(stream);
  }

  unstalled(stream: MuxStream): void {
    this.#inbound.unstall(stream);
  }

  released(stream: MuxStream): void {
    this.#machine.reset(stream.wire, 'cancel');
    this.#inbound.unstall(stream);
    this.#flushLater();
  }

  // What the machine reports.

  streamOpened(wire: WireStream<MuxStream>, fields: ReadonlyMap<string, readonly string[]>): void {
    const headers = this.#admit(wire, fields);
    if (headers === undefined) return;
    const stream = new MuxStream(this, () => wire, headers, this.#limits.streamBufferBytes);
    wire.owner = stream;
    this.#register(stream);
    this.#serving.set(stream.id, stream);
    const handled = (): void => {
      stream.handled = true;
      if (wire.state === 'closed') this.#served(stream);
    };
    serveStream(stream, this.#handler, handled, this.#onHandlerError);
  }

  streamAccepted(wire: WireStream<MuxStream>): void {
    if (wire.owner === undefined) return;
    this.#answered(wire.owner);
    wire.owner.replied();
  }

  streamHeaders(wire: WireStream<MuxStream>, fields: ReadonlyMap<string, readonly string[]>): void {
    const headers = parseHeaders(fields);
    if (headers === undefined)
      throw new ProtocolError('header outside the grammar of RFC 9110', { initiator: 'remote' });
    wire.owner?.emit('headers', headers);
  }

  streamData(wire: WireStream<MuxStream>, chunk: Buffer): void {
    wire.owner?.receive(chunk);
  }

  streamEnded(wire: WireStream<MuxStream>): void {
    if (wire.owner === undefined) return;
    wire.owner.receiveEnd();
    // It can get no more, so nobody has to wait for it to be read.
    this.#inbound.unstall(wire.owner);
  }

  streamWritable(wire: WireStream<MuxStream>): void {
    if (wire.owner !== undefined) this.#outbound.writable(wire.owner);
  }

  streamReset(wire: WireStream<MuxStream>, reason: ResetReason, message = ''): void {
    if (wire.owner === undefined) return;
    const said = message === '' ? {} : { message: `stream reset by the peer: ${message} (${reason})` };
    wire.owner.abort(new StreamResetError(reason, { initiator: 'remote', ...said }));
  }

  streamClosed(wire: WireStream<MuxStream>): void {
    const stream = wire.owner;
    if (stream === undefined) return;
    this.#answered(stream);
    this.#outbound.drop(stream);
    this.#inbound.unstall(stream);
    this.#deferred.delete(stream);
    this.#live.delete(stream.id);
    this.removeStreams(stream);
    // The machine has given its window back, so what it holds counts from here on, whatever its handler still does.
    if (this.#machine.flowControl) this.#leftovers.add(stream, wire.inbound ? 0 : this.#limits.streamBufferBytes);
    if (stream.handled && wire.inbound) this.#served(stream);
    if (this.#goneAway && this.#live.size === 0) this.#end({ kind: 'going-away', initiator: 'remote' });
  }

  pong(id: number): void {
    this.#pings.answered(id);
  }

  goneAway(lastId: number, error?: Error): void {
    this.#goneAway = true;
    this.#openBacklog.close();
    if (error !== undefined) {
      const lost = new ConnectionLostError(`the connection was closed: ${error.message}`, { cause: error });
      return this.#end({ kind: 'protocol-error', initiator: 'remote', error }, lost, false);
    }
    for (const stream of this.#live.values()) {
      const unseen = !stream.wire.inbound && stream.wire.state === 'opening' && stream.id > lastId;
      if (unseen) stream.abort(new StreamResetError('refused', { initiator: 'remote' }));
    }
    if (this.#live.size === 0) this.#end({ kind: 'going-away', initiator: 'remote' });
  }

  #attach(head: Buffer | undefined): void {
    const socket = this.#socket;
    if (socket instanceof Socket) {
      socket.setNoDelay(true);
      socket.setKeepAlive(true, KERNEL_KEEPALIVE);
      // Whatever the HTTP server had set: from here on our own deadlines hold.
      socket.setTimeout(0);
    }
    socket.on('error', (error) => (this.#socketError ??= error));
    socket.on('close', () => this.#socketClosed());
    socket.on('end', () => {
      // It comes although the socket is paused, once nothing is left in it: but what came last may still be held here.
      if (this.#reason === undefined) this.#inbound.drain();
      const kind = this.#goneAway ? 'going-away' : 'ended';
      this.#end(
        { kind, initiator: 'remote' },
        new ConnectionLostError('the peer ended the connection', { initiator: 'remote' }),
      );
    });
    if (socket.destroyed) {
      process.nextTick(() => this.#socketClosed());
      return;
    }
    this.#inbound.start(head);
  }

  #admit(wire: WireStream<MuxStream>, fields: ReadonlyMap<string, readonly string[]>): StreamHeaders | undefined {
    const { maxStreams, streamBufferBytes, receiveBudgetBytes } = this.#limits;
    const headers = parseHeaders(fields);
    const { size } = this.#serving;
    // With flow control the machine has looked at the bytes, before it let the stream through.
    const spent = this.#machine.flowControl ? 0 : (size + 1) * streamBufferBytes + this.#leftovers.bytes;
    const full = size >= maxStreams || spent > receiveBudgetBytes;
    if (headers === undefined) this.#machine.violated(wire, 'protocol-error');
    else if (full || this.#reason !== undefined) this.#machine.reset(wire, 'refused');
    else return headers;
    return undefined;
  }

  #served(stream: MuxStream): void {
    this.#serving.delete(stream.id);
    if (!this.#machine.flowControl) this.#leftovers.add(stream);
  }

  async #openInTurn(headers: HeadersInit, signal: AbortSignal | undefined): Promise<MuxStream> {
    await this.#turn(signal);
    try {
      signal?.throwIfAborted();
      return this.#open(headers);
    } finally {
      this.#openBacklog.used();
    }
  }

  /** Waits until a stream may be opened. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const { createTimeout } = this.#limits;
    const controller = new AbortController();
    const onAbort = (): void => controller.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = this.#clock.setTimeout(() => {
      const message = `the peer answered none of ${UNANSWERED_STREAMS} streams before this one in ${createTimeout} ms`;
      controller.abort(new TimeoutError(message, createTimeout, { initiator: 'remote' }));
    }, createTimeout);
    try {
      await this.#openBacklog.turn(controller.signal);
    } finally {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #answered(stream: MuxStream): void {
    if (!stream.unanswered) return;
    stream.unanswered = false;
    this.#openBacklog.answered();
  }

  #register(stream: MuxStream): void {
    this.#streams.set(stream.id, stream);
    this.#live.set(stream.id, stream);
  }

  #received(now: number): void {
    this.#keepalive.heard(now);
    this.#sentSinceHeard = false;
    if (this.#pingsAreActivity) this.#lastActivity = now;
    if (this.#machine.pendingControlFrames >= this.#limits.maxPendingControlFrames) {
      this.#outbound.flush();
      if (this.#socket.writableLength > 0) this.#inbound.hold();
      else this.#machine.pendingControlFrames = 0;
    }
    this.#flushLater();
  }

  #noteActivity(): void {
    if (this.#machine.activity === this.#seenActivity) return;
    this.#seenActivity = this.#machine.activity;
    if (this.#idleTimeout > 0) this.#lastActivity = this.#clock.now();
  }

  #flushLater(): void {
    this.#noteActivity();
    if (this.#machine.output.length > 0) this.#outbound.schedule();
  }

  #sendPing(): number {
    const id = this.#machine.ping();
    this.#outbound.schedule();
    return id;
  }

  #idleCheck(): void {
    const deadline = this.#lastActivity + this.#idleTimeout;
    if (this.#clock.now() < deadline) {
      this.#idle.set(deadline);
      return;
    }
    const error = new IdleTimeoutError(`nothing happened on the connection for ${this.#idleTimeout} ms`);
    this.#end({ kind: 'idle-timeout', initiator: 'local', error }, error);
  }

  #peerDead(silence: number): void {
    const error = new ConnectionLostError(`the peer answered no ping for ${Math.round(silence)} ms`, {
      initiator: 'remote',
    });
    this.#end({ kind: 'ping-timeout', initiator: 'local', error }, error);
    this.#socket.destroy();
  }

  #writeStalled(): void {
    const error = new ConnectionLostError(`the peer took no bytes for ${this.#limits.writeTimeout} ms`, {
      initiator: 'remote',
    });
    this.#end({ kind: 'lost', initiator: 'local', error }, error);
    this.#socket.destroy();
  }

  #failed(error: Error): void {
    const lost = new ConnectionLostError(`the connection was closed: ${error.message}`, { cause: error });
    if (!(error instanceof TrunklineError)) this.#machine.goAway('internal-error');
    this.#end({ kind: 'protocol-error', initiator: 'local', error }, lost, false);
  }

  /** Ends the connection in order: streams first, then the goodbye, then the socket, with a deadline. */
  #end(reason: CloseReason, error?: Error, resetStreams = true): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#keepalive.close();
    this.#idle.cancel();
    this.#inbound.discard();
    for (const stream of this.#live.values()) {
      if (resetStreams) this.#machine.reset(stream.wire, 'cancel');
      if (error === undefined) stream.destroy(new StreamResetError('cancel', { initiator: 'local' }));
      else stream.abort(error);
    }
    // Those that still have something to deliver are not streams of this connection any more.
    this.#live.clear();
    this.#streams.clear();
    this.#openBacklog.close();
    this.#machine.goAway();
    this.#outbound.finish();
    this.#pings.close(error ?? new ConnectionLostError('the connection was closed', { initiator: 'local' }));
    this.#closing.set(this.#clock.now() + this.#limits.closeTimeout);
  }

  #socketClosed(): void {
    const error = new ConnectionLostError(
      this.#socketError === undefined
        ? 'the connection was lost'
        : `the connection was lost: ${this.#socketError.message}`,
      { initiator: 'remote', cause: this.#socketError },
    );
    if (this.#reason === undefined) this.#inbound.drain();
    this.#end({ kind: 'lost', initiator: 'remote', error }, error, false);
    this.#closing.cancel();
    this.#outbound.close();
    this.#machine.close();
    this.#settleClosed(this.#reason ?? { kind: 'lost', initiator: 'remote', error });
  }
}

function parseHeaders(fields: ReadonlyMap<string, readonly string[]>): StreamHeaders | undefined {
  try {
    return new StreamHeaders(fields);
  } catch (error) {
    if (error instanceof InvalidArgumentError) return undefined;
    throw error;
  }
}
