import type { FrameOutput } from '../../bytes/frame-output.js';
import type { Clock } from '../../clock/clock.js';
import { ProtocolError, type ResetReason } from '../../errors/index.js';
import type { Limits } from '../../limits/limits.js';
import type { HeaderEntries } from '../../wire/headers.js';
import type { GoAwayCode, Machine, MachineEvents, WireStream } from '../../wire/machine.js';
import { YamuxMachine, type YamuxMachineOptions } from '../../wire/yamux/machine.js';
import * as preface from './codec.js';
import { Collector } from './collector.js';
import { Deadlines } from './deadlines.js';
import { PrefaceStream } from './stream.js';

const ACCEPTANCE = Uint8Array.of(preface.ACCEPTED);

/** How a {@link PrefaceMachine} is set up. */
export interface PrefaceMachineOptions<Bytes extends Uint8Array> extends YamuxMachineOptions<Bytes> {
  readonly clock: Clock;
  /** Told when a deadline has put something into the output, which nobody else would send. */
  readonly wake: () => void;
}

/**
 * yamux with headers: each stream begins with a preface of its opener, which carries the headers, and an answer of the
 * acceptor. Both are plain bytes of the stream, so that any implementation of yamux can speak it. Nobody waits: the
 * opener sends on behind its preface. Rules: docs/wire/yamux.md.
 */
export class PrefaceMachine<Owner, Bytes extends Uint8Array = Buffer> implements Machine<Owner, Bytes> {
  readonly flowControl = true;
  readonly earlyData = true;
  readonly #inner: YamuxMachine<PrefaceStream<Owner>, Bytes>;
  readonly #events: MachineEvents<Owner, Bytes>;
  readonly #limits: Limits;
  readonly #now: () => number;
  /** Streams of the peer whose preface is not complete. */
  readonly #unread: Deadlines<PrefaceStream<Owner>>;
  /** The peer's latest stream, while its preface may still follow in what is being received: a deadline costs. */
  #newest: PrefaceStream<Owner> | undefined;
  /** Streams of the peer that were refused, until the peer has taken note of it. */
  readonly #refused: Deadlines<PrefaceStream<Owner>>;

  constructor(options: PrefaceMachineOptions<Bytes>, events: MachineEvents<Owner, Bytes>) {
    const { clock, limits, wake } = options;
    this.#events = events;
    this.#limits = limits;
    this.#now = () => clock.now();
    this.#inner = new YamuxMachine<PrefaceStream<Owner>, Bytes>(options, this.#innerEvents());
    const expired = (stream: PrefaceStream<Owner>): void => {
      this.#inner.reset(stream.inner, 'cancel');
      wake();
    };
    this.#unread = new Deadlines(clock, limits.frameTimeout, expired);
    this.#refused = new Deadlines(clock, limits.frameTimeout, expired);
  }

  get output(): FrameOutput<Bytes> {
    return this.#inner.output;
  }

  get pendingControlFrames(): number {
    return this.#inner.pendingControlFrames;
  }

  set pendingControlFrames(count: number) {
    this.#inner.pendingControlFrames = count;
  }

  get frameBegan(): number | undefined {
    return this.#inner.frameBegan;
  }

  get activity(): number {
    return this.#inner.activity;
  }

  receive(chunk: Bytes, offset: number, now: number): number {
    const end = this.#inner.receive(chunk, offset, now);
    this.#watchNewest();
    return end;
  }

  pause(): void {
    this.#inner.pause();
  }

  open(headers: HeaderEntries, owner: Owner): WireStream<Owner> {
    const first = preface.encodeHeaders(headers, this.#limits);
    const inner = this.#inner.openWith(first, undefined);
    const stream = new PrefaceStream(inner, owner, new Collector());
    stream.known = true;
    inner.owner = stream;
    return stream;
  }

  accept(stream: WireStream<Owner>): void {
    if (stream.state === 'offered') this.#inner.acceptWith(innerOf(stream), ACCEPTANCE);
  }

  /** Says why, and gives the peer time to read it: a reset could overtake the words. */
  refuse(stream: WireStream<Owner>, reason: ResetReason, message = ''): void {
    const own = stream as PrefaceStream<Owner>;
    if (own.state !== 'offered') return;
    if (this.#refused.size >= Math.max(1, this.#limits.acceptBacklog)) return this.reset(own, reason);
    this.#inner.acceptWith(own.inner, preface.encodeRefusal(reason, message));
    own.refused = true;
    this.#refused.add(own);
    this.#inner.end(own.inner);
    this.#forget(own);
  }

  sendable(stream: WireStream<Owner>): number {
    return this.#inner.sendable(innerOf(stream));
  }

  data(stream: WireStream<Owner>, payload: Bytes): void {
    this.#inner.data(innerOf(stream), payload);
  }

  consumed(stream: WireStream<Owner>, bytes: number, now: () => number): void {
    this.#inner.consumed(innerOf(stream), bytes, now);
  }

  end(stream: WireStream<Owner>): void {
    this.#inner.end(innerOf(stream));
  }

  reset(stream: WireStream<Owner>, reason: ResetReason): void {
    if (stream.state !== 'closed') this.#inner.reset(innerOf(stream), reason);
  }

  violated(stream: WireStream<Owner>, reason: ResetReason): void {
    if (stream.state !== 'closed') this.#inner.violated(innerOf(stream), reason);
  }

  ping(): number {
    return this.#inner.ping();
  }

  goAway(code?: GoAwayCode): void {
    this.#inner.goAway(code);
  }

  close(): void {
    this.#unread.close();
    this.#refused.close();
    this.#inner.close();
  }

  #innerEvents(): MachineEvents<PrefaceStream<Owner>, Bytes> {
    return {
      streamOpened: (inner) => this.#streamOpened(inner),
      // The answer to the preface counts.
      streamAccepted: () => {},
      streamHeaders: () => {},
      streamData: (inner, chunk) => this.#streamData(inner, chunk),
      streamEnded: ({ owner }) => {
        if (owner === undefined || owner.refused) return;
        if (owner.collector === undefined) this.#events.streamEnded(owner);
        else this.#inner.violated(owner.inner, 'protocol-error');
      },
      streamWritable: ({ owner }) => {
        if (owner?.known === true) this.#events.streamWritable(owner);
      },
      streamReset: ({ owner }, reason) => {
        if (owner?.known !== true) return;
        const unanswered = !owner.inbound && owner.collector !== undefined;
        this.#events.streamReset(owner, unanswered && reason === 'cancel' ? 'refused' : reason);
      },
      streamClosed: ({ owner }) => {
        if (owner === undefined) return;
        this.#unwatch(owner);
        if (owner.refused) this.#refused.delete(owner);
        this.#forget(owner);
      },
      pong: (id) => this.#events.pong(id),
      goneAway: (lastId, error) => this.#events.goneAway(lastId, error),
    };
  }

  #streamOpened(inner: WireStream<PrefaceStream<Owner>>): void {
    this.#watchNewest();
    // One is always read: `acceptBacklog` 0 is for who never puts off a reply.
    if (this.#unread.size >= Math.max(1, this.#limits.acceptBacklog)) return this.#inner.reset(inner, 'refused');
    const stream = new PrefaceStream<Owner>(inner, undefined, new Collector());
    inner.owner = stream;
    this.#newest = stream;
  }

  #watchNewest(): void {
    if (this.#newest === undefined) return;
    this.#unread.add(this.#newest);
    this.#newest = undefined;
  }

  #unwatch(stream: PrefaceStream<Owner>): void {
    if (this.#newest === stream) this.#newest = undefined;
    else if (this.#unread.size > 0) this.#unread.delete(stream);
  }

  #streamData(inner: WireStream<PrefaceStream<Owner>>, chunk: Bytes): void {
    const stream = inner.owner;
    if (stream === undefined || stream.refused) return;
    if (stream.collector === undefined) return this.#events.streamData(stream, chunk);
    const taken = stream.inbound
      ? this.#readHeaders(stream, stream.collector, chunk)
      : this.#readAnswer(stream, stream.collector, chunk);
    if (inner.state === 'closed' || stream.refused) return;
    this.#inner.consumed(inner, taken, this.#now);
    if (taken < chunk.length) this.#events.streamData(stream, chunk.subarray(taken) as Bytes);
  }

  #readHeaders(stream: PrefaceStream<Owner>, collector: Collector, chunk: Bytes): number {
    const most = preface.maxBodyBytes(this.#limits);
    const taken = collector.take(chunk, most);
    if (collector.kind !== preface.VERSION) {
      this.#known(stream);
      this.refuse(stream, 'unsupported-version', `this side speaks version ${preface.VERSION} of the preface`);
    } else if (collector.tooLong(most)) {
      this.#inner.violated(stream.inner, 'protocol-error');
    } else if (collector.complete) {
      const headers = this.#decoded(stream, () => preface.decodeHeaders(collector.body, this.#limits));
      if (headers === undefined) return taken;
      this.#known(stream);
      this.#events.streamOpened(stream, headers);
    }
    return taken;
  }

  #known(stream: PrefaceStream<Owner>): void {
    this.#unwatch(stream);
    stream.collector = undefined;
    stream.known = true;
  }

  #readAnswer(stream: PrefaceStream<Owner>, collector: Collector, chunk: Bytes): number {
    if (collector.kind === undefined && chunk[0] === preface.ACCEPTED) {
      stream.collector = undefined;
      this.#events.streamAccepted(stream);
      return 1;
    }
    const most = preface.maxBodyBytes(this.#limits);
    const taken = collector.take(chunk, most);
    if (collector.kind !== preface.REFUSED || collector.tooLong(most)) {
      this.#inner.violated(stream.inner, 'protocol-error');
    } else if (collector.complete) {
      const refusal = this.#decoded(stream, () => preface.decodeRefusal(collector.body));
      if (refusal === undefined) return taken;
      this.#events.streamReset(stream, refusal.reason, refusal.message);
      stream.collector = undefined;
      this.#inner.reset(stream.inner, 'cancel');
    }
    return taken;
  }

  /** `undefined`: the peer sent something else, and the stream is over. */
  #decoded<T>(stream: PrefaceStream<Owner>, decode: () => T): T | undefined {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#inner.violated(stream.inner, 'protocol-error');
      return undefined;
    }
  }

  #forget(stream: PrefaceStream<Owner>): void {
    if (!stream.known) return;
    stream.known = false;
    this.#events.streamClosed(stream);
  }
}

function innerOf<Owner>(stream: WireStream<Owner>): WireStream<PrefaceStream<Owner>> {
  return (stream as PrefaceStream<Owner>).inner;
}
