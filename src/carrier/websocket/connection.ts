import type { Duplex } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { Alarm } from '../../clock/alarm.js';
import {
  ConnectionLostError,
  IdleTimeoutError,
  InvalidArgumentError,
  LimitExceededError,
  ProtocolError,
  TimeoutError,
} from '../../errors/index.js';
import type { CloseReason } from '../../httpstream/index.js';
import { Budget } from '../../limits/budget.js';
import { ChannelMachine, type ChannelEvent, type ChannelMode } from '../../wire/channel/index.js';
import { ChannelStream, type ChannelHost } from './channel-stream.js';
import { CLOSE, checkClose, describeClose, isCleanClose, reasonOfClose } from './close-codes.js';
import { framingError, isOpen, toBuffer } from './framing.js';
import { messagePool } from './message-pool.js';
import type { ChannelConnection, ResolvedChannelOptions } from './options.js';
import { Outbound } from './outbound.js';
import { Heartbeat, Ponger } from './pings.js';
import { Slices } from './slices.js';

// Small enough that a slow peer shows progress within the write timeout, large enough to fill any kernel buffer.
const IN_FLIGHT = 256 * 1024;
const PROBE_PERIOD = 15_000;

/** Channels over a WebSocket that `ws` frames: the place where machine, socket and timers meet. */
export class WebSocketChannels implements ChannelConnection {
  readonly protocol: string;
  readonly closed: Promise<CloseReason>;
  readonly #socket: WebSocket;
  readonly #carrier: Duplex;
  readonly #options: ResolvedChannelOptions;
  readonly #modes: readonly ChannelMode[];
  readonly #machine: ChannelMachine;
  readonly #streams = new Map<number, ChannelStream>();
  readonly #outbound: Outbound;
  readonly #host: ChannelHost;
  readonly #budget: Budget;
  readonly #idle: Alarm;
  readonly #stall: Alarm;
  readonly #goodbye: Alarm;
  /** Pings while this side does not read and would not see the peer go, where there is no heartbeat. */
  readonly #probe: Alarm;
  readonly #heartbeat: Heartbeat | undefined;
  readonly #ponger: Ponger;
  readonly #full = new Set<number>();
  #settleClosed: (reason: CloseReason) => void = () => {};
  /** Why the connection ends, once that is decided. */
  #reason: CloseReason | undefined;
  /** What streams end with, once the connection is over for them. */
  #ending: { readonly clean: boolean; readonly error: Error } | undefined;
  #socketError: Error | undefined;
  #closing: { readonly code: number; readonly reason: string } | undefined;
  #saidGoodbye = false;
  #corked = false;
  #watching = false;

  /** Takes over an open WebSocket; `carrier` is the socket beneath it. Call in the tick in which it opened. */
  constructor(socket: WebSocket, carrier: Duplex, protocol: string, options: ResolvedChannelOptions) {
    const { clock, limits, role } = options;
    this.protocol = protocol;
    this.#socket = socket;
    this.#carrier = carrier;
    this.#options = options;
    this.#modes = options.modes(protocol);
    this.#machine = new ChannelMachine({
      role,
      modes: this.#modes,
      halfClose: options.halfClose(protocol),
      codec: options.codec(protocol),
    });
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#host = this.#makeHost();
    this.#outbound = this.#makeOutbound();
    this.#budget = new Budget(limits.emptyFrameBurst, limits.emptyFramesPerSecond, clock.now());
    this.#idle = new Alarm(clock, () => this.#idleTimeout());
    this.#stall = new Alarm(clock, () => this.#writeTimeout());
    this.#goodbye = new Alarm(clock, () => socket.terminate());
    this.#ponger = new Ponger((payload, sent) => {
      if (isOpen(socket)) socket.pong(payload, undefined, sent);
    });
    this.#heartbeat = this.#makeHeartbeat();
    this.#probe = new Alarm(clock, () => {
      this.#probe.set(clock.now() + PROBE_PERIOD);
      if (socket.bufferedAmount === 0) this.#ping(() => {});
    });
    this.#listen();
    this.#active(clock.now());
  }

  channel(n: number): Duplex {
    if (!Number.isInteger(n) || n < 0 || n >= this.#modes.length) {
      throw new InvalidArgumentError(`there is no channel ${n}: there are ${this.#modes.length}`);
    }
    return this.#stream(n);
  }

  close(code: number = CLOSE.normal, reason = ''): Promise<void> {
    checkClose(code, reason);
    this.#reason ??= { kind: 'closed', initiator: 'local' };
    if (this.#closing === undefined) {
      this.#closing = { code, reason };
      this.#postponeGoodbye();
    }
    this.#readOn();
    this.#closeWhenFlushed();
    return this.#untilClosed();
  }

  async #untilClosed(): Promise<void> {
    await this.closed;
  }

  destroy(error?: Error): void {
    this.#reason ??= { kind: 'closed', initiator: 'local', ...(error === undefined ? {} : { error }) };
    this.#endStreams(false, error ?? new ConnectionLostError('the connection was destroyed', { initiator: 'local' }));
    this.#socket.terminate();
  }

  #stream(n: number): ChannelStream {
    let stream = this.#streams.get(n);
    if (stream === undefined) {
      stream = new ChannelStream(this.#host, n, this.#modes[n] ?? 'ignore', this.#options.limits.streamBufferBytes);
      this.#streams.set(n, stream);
      if (this.#ending !== undefined) endStream(stream, this.#ending);
    }
    return stream;
  }

  #makeHeartbeat(): Heartbeat | undefined {
    const { clock, heartbeat } = this.#options;
    if (heartbeat === undefined) return undefined;
    return new Heartbeat(clock, heartbeat, {
      ping: (sent) => this.#ping(sent),
      pingTimeout: (milliseconds) => this.#pingTimeout(milliseconds),
    });
  }

  #ping(sent: () => void): void {
    if (!isOpen(this.#socket)) return;
    this.#socket.ping(undefined, undefined, () => {
      this.#progress();
      sent();
    });
    this.#watchWrites();
  }

  #makeHost(): ChannelHost {
    const most = Math.min(this.#options.limits.maxDataFrameOut, this.#options.limits.outboundBytes);
    return {
      send: (channel, pieces, sent) => {
        const slices = new Slices(pieces, most);
        this.#outbound.submit({
          channel,
          size: () => this.#machine.messageLength(slices.nextLength),
          next: () => {
            const { length, parts } = slices.next();
            return this.#machine.send(channel, parts, length, (bytes) => messagePool.take(bytes));
          },
          finished: () => slices.finished,
          done: sent,
        });
      },
      end: (channel, sent) => {
        this.#outbound.submit({
          channel,
          size: () => 2,
          next: () => this.#machine.end(channel),
          finished: () => true,
          done: sent,
        });
      },
      cancel: (channel) => this.#outbound.cancel(channel),
      full: (channel) => this.#pauseFor(channel),
      ready: (channel) => this.#resumeFrom(channel),
    };
  }

  #makeOutbound(): Outbound {
    const socket = this.#socket;
    const carrier = this.#carrier;
    const sink = {
      get open() {
        return isOpen(socket) && carrier.writable;
      },
      get bufferedAmount() {
        return socket.bufferedAmount;
      },
      send: (message: Buffer, sent: (error?: Error | null) => void) => {
        this.#cork();
        socket.send(message, { binary: this.#machine.binary }, () => {
          messagePool.give(message);
          sent();
        });
        this.#active(this.#options.clock.now());
        this.#watchWrites();
      },
    };
    return new Outbound(sink, Math.min(this.#options.limits.outboundBytes, IN_FLIGHT), () => {
      this.#progress();
      if (this.#closing === undefined) return;
      this.#postponeGoodbye();
      process.nextTick(() => this.#closeWhenFlushed());
    });
  }

  /** Messages of one tick leave in one system call. */
  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#carrier.cork();
    process.nextTick(() => {
      this.#corked = false;
      this.#carrier.uncork();
    });
  }

  #listen(): void {
    const socket = this.#socket;
    this.#carrier.on('error', (error) => {
      this.#socketError ??= error;
    });
    socket.on('message', (data, binary) => this.#receive(data, binary));
    socket.on('ping', (payload) => {
      this.#ponger.answer(payload);
      this.#receivedNothing();
    });
    socket.on('pong', () => this.#receivedNothing());
    socket.on('error', (error) => {
      // Errors of the socket beneath come without an event here; these are about the peer's frames.
      this.#lose('protocol-error', 'remote', framingError(error));
    });
    socket.on('close', (code, reason) => this.#gone(code, reason.toString()));
  }

  #receive(data: RawData, binary: boolean): void {
    const now = this.#options.clock.now();
    this.#heard(now);
    if (this.#ending !== undefined) return;
    this.#active(now);
    const event = this.#decode(data, binary);
    if (event === undefined) return;
    if (event.type === 'data') this.#stream(event.channel).receive(event.payload, this.#closing !== undefined);
    else if (event.type === 'end') this.#stream(event.channel).receiveEnd();
    else this.#spend(now);
  }

  #decode(data: RawData, binary: boolean): ChannelEvent | undefined {
    try {
      return this.#machine.receive(toBuffer(data), binary);
    } catch (error) {
      const lost = error instanceof Error ? error : new ProtocolError(String(error));
      this.#lose('protocol-error', 'remote', lost, binary ? CLOSE.protocolError : CLOSE.unsupportedData);
      return undefined;
    }
  }

  #receivedNothing(): void {
    const now = this.#options.clock.now();
    this.#heard(now);
    this.#spend(now);
  }

  /** A peer that keeps us busy with messages that carry nothing is cut off. */
  #spend(now: number): void {
    if (this.#ending !== undefined || this.#budget.spend(now)) return;
    const message = 'the peer sends too many messages that carry nothing';
    const error = new LimitExceededError('emptyFrameBurst', message, { initiator: 'remote' });
    this.#lose('protocol-error', 'remote', error, CLOSE.policyViolation);
  }

  #heard(now: number): void {
    this.#heartbeat?.received(now);
    // A peer that talks is alive, even if its reader takes its time.
    this.#progress(now);
  }

  #active(now: number): void {
    if (this.#options.idleTimeout > 0 && this.#reason === undefined) this.#idle.set(now + this.#options.idleTimeout);
  }

  #pauseFor(channel: number): void {
    this.#full.add(channel);
    if (this.#closing !== undefined || this.#ending !== undefined) return;
    this.#socket.pause();
    if (this.#heartbeat === undefined) this.#probe.set(this.#options.clock.now() + PROBE_PERIOD);
    else this.#heartbeat.suspend();
  }

  #resumeFrom(channel: number): void {
    if (this.#full.delete(channel) && this.#full.size === 0) this.#readOn();
  }

  #readOn(): void {
    if (!this.#socket.isPaused) return;
    this.#socket.resume();
    this.#probe.set(undefined);
    this.#heartbeat?.resume();
  }

  /** Bytes wait for the kernel: they must make progress. */
  #watchWrites(): void {
    const { clock, limits } = this.#options;
    if (limits.writeTimeout === 0 || this.#watching) return;
    this.#watching = true;
    this.#stall.set(clock.now() + limits.writeTimeout);
  }

  #progress(now: number = this.#options.clock.now()): void {
    if (!this.#watching) return;
    if (this.#socket.bufferedAmount > 0) {
      this.#stall.set(now + this.#options.limits.writeTimeout);
    } else {
      this.#watching = false;
      this.#stall.set(undefined);
    }
  }

  #closeWhenFlushed(): void {
    if (this.#closing === undefined || this.#saidGoodbye) return;
    if (!isOpen(this.#socket)) return;
    if (!this.#outbound.idle || this.#socket.bufferedAmount > 0) return;
    for (const stream of this.#streams.values()) if (!stream.destroyed && stream.writableLength > 0) return;
    this.#sayGoodbye(this.#closing.code, this.#closing.reason);
  }

  /** Only taking bytes earns the peer more time, not talking: it can go on talking for ever. */
  #postponeGoodbye(): void {
    if (this.#saidGoodbye || this.#socket.readyState === this.#socket.CLOSED) return;
    this.#goodbye.set(this.#options.clock.now() + this.#options.limits.closeTimeout);
  }

  #sayGoodbye(code: number, reason: string): void {
    const { clock, limits } = this.#options;
    this.#saidGoodbye = true;
    this.#goodbye.set(clock.now() + limits.closeTimeout);
    this.#socket.close(code, reason);
  }

  #idleTimeout(): void {
    const error = new IdleTimeoutError(`nothing happened for ${this.#options.idleTimeout} ms`, { initiator: 'local' });
    this.#lose('idle-timeout', 'local', error, CLOSE.goingAway);
  }

  #pingTimeout(milliseconds: number): void {
    const error = new TimeoutError(`the peer sent nothing for ${milliseconds} ms`, milliseconds, {
      initiator: 'remote',
    });
    this.#lose('ping-timeout', 'remote', error);
    this.#socket.terminate();
  }

  #writeTimeout(): void {
    const { writeTimeout } = this.#options.limits;
    const error = new TimeoutError(`writing made no progress for ${writeTimeout} ms`, writeTimeout, {
      initiator: 'remote',
    });
    this.#lose('lost', 'remote', error);
    this.#socket.terminate();
  }

  /** Ends the streams with an error; with `code`, says goodbye. */
  #lose(kind: CloseReason['kind'], initiator: CloseReason['initiator'], error: Error, code?: number): void {
    this.#reason ??= { kind, initiator, error };
    const isOurs = error instanceof IdleTimeoutError;
    this.#endStreams(false, isOurs ? error : new ConnectionLostError(error.message, { cause: error, initiator }));
    if (code !== undefined && isOpen(this.#socket)) {
      this.#readOn();
      this.#sayGoodbye(code, '');
    }
  }

  #gone(code: number, text: string): void {
    for (const alarm of [this.#idle, this.#stall, this.#goodbye, this.#probe]) alarm.cancel();
    this.#heartbeat?.stop();
    const error = new ConnectionLostError(describeClose(code, text), {
      initiator: 'remote',
      ...(this.#socketError === undefined ? {} : { cause: this.#socketError }),
    });
    this.#endStreams(isCleanClose(code, this.#options.role), error);
    this.#reason ??= reasonOfClose(code, error, this.#socketError !== undefined);
    this.#settleClosed(this.#reason);
  }

  #endStreams(clean: boolean, error: Error): void {
    if (this.#ending !== undefined) return;
    this.#ending = { clean, error };
    this.#outbound.clear();
    for (const stream of this.#streams.values()) endStream(stream, this.#ending);
  }
}

function endStream(stream: ChannelStream, ending: { readonly clean: boolean; readonly error: Error }): void {
  if (ending.clean) stream.finish(ending.error);
  else stream.fail(ending.error);
}
