import { FrameOutput } from '../../bytes/frame-output.js';
import type { Allocate } from '../../bytes/memory.js';
import {
  InvalidArgumentError,
  LimitExceededError,
  ProtocolError,
  StreamsExhaustedError,
  type ResetReason,
} from '../../errors/index.js';
import type { Limits } from '../../limits/limits.js';
import type { HeaderEntries } from '../headers.js';
import { IdMap } from '../id-map.js';
import type { GoAwayCode, Machine, MachineEvents, WireStream } from '../machine.js';
import { PeerBudgets } from '../peer-budgets.js';
import * as yamux from './constants.js';
import { FrameReader, violation } from './frame-reader.js';
import { InboundIds } from './inbound-ids.js';
import { ReceiveBudget } from './receive-budget.js';
import { RoundTrip } from './round-trip.js';
import { YamuxStream } from './stream.js';

const NO_HEADERS: ReadonlyMap<string, readonly string[]> = new Map();
/** What the peer may say that went wrong, in the words of the specification. */
const GO_AWAY_CODES: Readonly<Record<number, string>> = {
  [yamux.GO_AWAY_PROTOCOL_ERROR]: 'protocol error',
  [yamux.GO_AWAY_INTERNAL_ERROR]: 'internal error',
};

/** How a {@link YamuxMachine} is set up. */
export interface YamuxMachineOptions<Bytes extends Uint8Array> {
  /** `client` opens odd ids, `server` even ones. */
  readonly role: 'client' | 'server';
  readonly limits: Limits;
  /** The time now, as later given to `receive`. */
  readonly now: number;
  /** Makes the memory of what is sent. */
  readonly allocate: Allocate<Bytes>;
  /** Bytes that streams which are over on the wire still hold unread. Default: none. */
  readonly held?: () => number;
  /** First stream id to open; tests start near the end. Default 1 or 2 by role. */
  readonly firstStreamId?: number;
}

/**
 * yamux as hashicorp specifies it, over any `Uint8Array`, so that it runs in browsers too. Streams have no headers here;
 * those come from the preface that `mux/preface` adds. Rules and deviations: docs/wire/yamux.md.
 */
export class YamuxMachine<Owner, Bytes extends Uint8Array = Buffer> implements Machine<Owner, Bytes> {
  readonly flowControl = true;
  readonly earlyData = true;
  readonly output: FrameOutput<Bytes>;
  pendingControlFrames = 0;
  readonly #limits: Limits;
  readonly #events: MachineEvents<Owner, Bytes>;
  readonly #reader: FrameReader<Bytes>;
  readonly #budget: ReceiveBudget;
  readonly #roundTrip = new RoundTrip(() => this.ping());
  readonly #streams = new IdMap<YamuxStream<Owner>>();
  readonly #budgets: PeerBudgets;
  readonly #parity: number;
  #nextId: number;
  readonly #inboundIds: InboundIds;
  #nextPing = 0;
  /** Pings that are not answered yet. */
  readonly #pingsOut = new Set<number>();
  #dataStream: YamuxStream<Owner> | undefined;
  #dataEnds = false;
  #goneAway = false;
  #now: number;
  #activity = 0;

  constructor(options: YamuxMachineOptions<Bytes>, events: MachineEvents<Owner, Bytes>) {
    const { role, limits, now, held = () => 0 } = options;
    this.output = new FrameOutput(options.allocate);
    this.#limits = limits;
    this.#events = events;
    this.#now = now;
    this.#parity = role === 'client' ? 1 : 0;
    this.#nextId = options.firstStreamId ?? (role === 'client' ? 1 : 2);
    this.#inboundIds = new InboundIds(role === 'client' ? 2 : 1);
    this.#budget = new ReceiveBudget(limits, held);
    this.#budgets = new PeerBudgets(limits, now);
    this.#reader = new FrameReader({
      frame: (type, flags, id, length) => this.#frame(type, flags, id, length),
      piece: (chunk, rest) => this.#piece(chunk, rest),
    });
  }

  get frameBegan(): number | undefined {
    return this.#reader.began;
  }

  get activity(): number {
    return this.#activity;
  }

  /** Bytes that the peer may make this side hold, beyond the initial windows of streams that this side opened. */
  get committed(): number {
    return this.#budget.committed;
  }

  receive(chunk: Bytes, offset: number, now: number): number {
    this.#now = now;
    try {
      return this.#reader.read(chunk, offset, now);
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof LimitExceededError) {
        this.#sendGoAway(yamux.GO_AWAY_PROTOCOL_ERROR);
      }
      throw error;
    }
  }

  pause(): void {
    this.#reader.pause();
  }

  open(headers: HeaderEntries, owner: Owner): WireStream<Owner> {
    for (const [name] of headers) {
      throw new InvalidArgumentError(`plain yamux cannot carry headers (${name}); use the mode with headers`);
    }
    return this.openWith(undefined, owner);
  }

  /** Opens a stream whose first bytes travel in the frame that opens it. */
  openWith(first: Uint8Array | undefined, owner: Owner | undefined): WireStream<Owner> {
    if (this.#nextId > yamux.MAX_STREAM_ID) {
      throw new StreamsExhaustedError('all yamux stream ids of this connection are used', { initiator: 'local' });
    }
    const stream = new YamuxStream<Owner>(this.#nextId, false, owner, this.#now);
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    this.#budget.open(stream);
    this.#begin(stream, yamux.SYN, first);
    return stream;
  }

  accept(stream: WireStream<Owner>): void {
    this.acceptWith(stream, undefined);
  }

  /** Accepts a stream; `first` travels in the same frame. */
  acceptWith(stream: WireStream<Owner>, first: Uint8Array | undefined): void {
    const own = this.#own(stream);
    if (own?.state !== 'offered') return;
    own.state = 'open';
    this.#countControl();
    this.#begin(own, yamux.ACK, first);
    this.#forgetIfEnded(own);
  }

  /** The wire has a word for neither reason nor refusal: a reset before the acknowledgement it is. */
  refuse(stream: WireStream<Owner>, reason: ResetReason): void {
    this.reset(stream, reason);
  }

  sendable(stream: WireStream<Owner>): number {
    const own = stream as YamuxStream<Owner>;
    if (own.sendWindow === 0) own.starved = true;
    return own.sendWindow;
  }

  data(stream: WireStream<Owner>, payload: Bytes): void {
    const own = stream as YamuxStream<Owner>;
    if (own.state === 'closed' || own.localEnded) return;
    this.#activity++;
    own.sendWindow -= payload.length;
    this.#head(yamux.DATA, 0, own.id, payload.length);
    this.output.append(payload);
  }

  consumed(stream: WireStream<Owner>, bytes: number, now: () => number): void {
    const own = stream as YamuxStream<Owner>;
    own.unannounced += bytes;
    if (own.unannounced * 2 < own.window || own.remoteEnded || own.state === 'closed') return;
    this.#announce(own, now());
  }

  end(stream: WireStream<Owner>): void {
    const own = this.#own(stream);
    if (own === undefined || own.localEnded) return;
    this.#activity++;
    own.localEnded = true;
    this.#head(yamux.WINDOW_UPDATE, yamux.FIN, own.id, 0);
    this.#forgetIfEnded(own);
  }

  reset(stream: WireStream<Owner>, _reason: ResetReason): void {
    const own = this.#own(stream);
    if (own === undefined) return;
    if (own.inbound) this.#countControl();
    this.#sendReset(own.id);
    this.#forget(own);
  }

  violated(stream: WireStream<Owner>, reason: ResetReason): void {
    const own = this.#own(stream);
    if (own !== undefined) this.#violated(own, reason);
  }

  ping(): number {
    const id = this.#nextPing;
    this.#pingsOut.add(id);
    this.#nextPing = (id + 1) % 2 ** 32;
    this.#head(yamux.PING, yamux.SYN, 0, id);
    return id;
  }

  goAway(code: GoAwayCode = 'normal'): void {
    this.#sendGoAway(code === 'normal' ? yamux.GO_AWAY_NORMAL : yamux.GO_AWAY_INTERNAL_ERROR);
  }

  close(): void {}

  #frame(type: number, flags: number, id: number, length: number): void {
    if (type === yamux.PING) return this.#ping(flags, length);
    if (type === yamux.GO_AWAY) return this.#goAwayReceived(length);
    if (id === 0) throw violation('stream 0 has no data and no window');
    this.#dataStream = undefined;
    if ((flags & yamux.SYN) !== 0 && !this.#synReceived(type, flags, id, length)) return;
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#unknownStream(id);
    if ((flags & yamux.RST) !== 0) return this.#resetReceived(stream);
    // An acceptor that sends at once, or ends, has accepted, with or without saying so.
    const answers = (flags & (yamux.ACK | yamux.FIN)) !== 0 || type === yamux.DATA;
    const accepts = stream.state === 'opening' && answers;
    if (accepts) {
      stream.state = 'open';
      this.#activity++;
      this.#events.streamAccepted(stream);
    }
    if (length === 0 && !accepts && (flags & (yamux.SYN | yamux.FIN)) === 0) return this.#spendEmpty('empty frame');
    if (type === yamux.DATA) this.#dataHead(stream, flags, length);
    else this.#windowUpdate(stream, flags, length);
  }

  /** `false`: there is no such stream now, and the rest of the frame is for nobody. */
  #synReceived(type: number, flags: number, id: number, length: number): boolean {
    if (id % 2 === this.#parity) throw violation(`the peer opened stream ${id}, an id of this side`);
    // Before the stream exists, so that nothing half made is left behind.
    if (type === yamux.DATA && length > yamux.INITIAL_WINDOW) throw windowExceeded(id);
    if (type === yamux.WINDOW_UPDATE && yamux.INITIAL_WINDOW + length > yamux.MAX_WINDOW) throw windowOverflow(id);
    if (!this.#inboundIds.open(id)) throw violation(`the peer opened stream ${id} a second time`);
    this.#activity++;
    if ((flags & yamux.RST) !== 0) {
      this.#spendReset();
      return false;
    }
    if (this.#goneAway || !this.#budget.admits) {
      this.#countControl();
      this.#sendReset(id);
      return false;
    }
    const stream = new YamuxStream<Owner>(id, true, undefined, this.#now);
    this.#streams.set(id, stream);
    this.#budget.open(stream);
    this.#events.streamOpened(stream, NO_HEADERS);
    return true;
  }

  #unknownStream(id: number): void {
    // Streams that once were can have frames under way, any number of them; ids that never were cannot.
    const known = id % 2 === this.#parity ? id < this.#nextId : this.#inboundIds.opened(id);
    if (!known) this.#spendEmpty('a frame for a stream that never was');
  }

  #resetReceived(stream: YamuxStream<Owner>): void {
    this.#activity++;
    // After our FIN a reset costs us nothing.
    if (stream.inbound && !stream.localEnded) this.#spendReset();
    const reason = stream.state === 'opening' ? 'refused' : 'cancel';
    stream.state = 'closed';
    this.#events.streamReset(stream, reason);
    this.#forget(stream);
  }

  #dataHead(stream: YamuxStream<Owner>, flags: number, length: number): void {
    if (length > stream.receiveWindow) throw windowExceeded(stream.id);
    if (stream.state === 'closed') return;
    if (stream.remoteEnded) return this.#violated(stream, 'stream-already-closed');
    this.#activity++;
    if (length === 0) {
      if ((flags & yamux.FIN) !== 0) return this.#remoteEnd(stream);
      return;
    }
    stream.receiveWindow -= length;
    this.#dataStream = stream;
    this.#dataEnds = (flags & yamux.FIN) !== 0;
  }

  #piece(chunk: Bytes, rest: number): void {
    const stream = this.#dataStream;
    if (stream === undefined) return;
    this.#activity++;
    // A reset in the middle of a frame: the rest of it belongs to nobody.
    if (stream.state !== 'closed') this.#events.streamData(stream, chunk);
    if (rest > 0) return;
    this.#dataStream = undefined;
    if (this.#dataEnds && stream.state !== 'closed') this.#remoteEnd(stream);
  }

  #windowUpdate(stream: YamuxStream<Owner>, flags: number, delta: number): void {
    if (stream.sendWindow + delta > yamux.MAX_WINDOW) throw windowOverflow(stream.id);
    if (stream.state === 'closed') return;
    this.#activity++;
    stream.sendWindow += delta;
    if (delta > 0 && stream.starved) {
      stream.starved = false;
      this.#events.streamWritable(stream);
    }
    if ((flags & yamux.FIN) === 0) return;
    if (stream.remoteEnded) this.#violated(stream, 'stream-already-closed');
    else this.#remoteEnd(stream);
  }

  #ping(flags: number, id: number): void {
    if ((flags & yamux.SYN) !== 0) {
      this.#countControl();
      this.#head(yamux.PING, yamux.ACK, 0, id);
      return;
    }
    if (!this.#pingsOut.delete(id)) return this.#spendEmpty('answer to a ping that was never sent');
    if (!this.#roundTrip.answered(id, this.#now)) this.#events.pong(id);
  }

  #goAwayReceived(code: number): void {
    this.#spendEmpty('go away');
    if (code === yamux.GO_AWAY_NORMAL) return this.#events.goneAway(yamux.MAX_STREAM_ID);
    const why = GO_AWAY_CODES[code] ?? `code ${code}`;
    this.#events.goneAway(yamux.MAX_STREAM_ID, new ProtocolError(`the peer gave up the connection: ${why}`));
  }

  #remoteEnd(stream: YamuxStream<Owner>): void {
    if (stream.state === 'closed') return;
    stream.remoteEnded = true;
    this.#events.streamEnded(stream);
    this.#forgetIfEnded(stream);
  }

  /** The peer broke a rule of one stream: that stream ends, at the peer's expense. */
  #violated(stream: YamuxStream<Owner>, reason: ResetReason): void {
    this.#spendReset();
    this.#countControl();
    this.#sendReset(stream.id);
    stream.state = 'closed';
    this.#events.streamReset(stream, reason);
    this.#forget(stream);
  }

  /** The first frame of this side on a stream: says that the stream is, and how large its window is. */
  #begin(stream: YamuxStream<Owner>, flag: number, first: Uint8Array | undefined): void {
    this.#activity++;
    const wanted = this.#limits.streamBufferBytes - stream.window;
    const extra = wanted > 0 ? Math.max(0, this.#budget.growth(stream.window, wanted)) : 0;
    if (first === undefined || extra > 0) {
      stream.window += extra;
      stream.receiveWindow += extra;
      this.#budget.changed(extra);
      this.#head(yamux.WINDOW_UPDATE, flag, stream.id, extra);
    }
    if (first === undefined) return;
    stream.sendWindow -= first.length;
    this.#head(yamux.DATA, extra > 0 ? 0 : flag, stream.id, first.length);
    this.output.copy(first);
  }

  /**
   * Tells the peer what was taken. A window of which half was used up within two round trips is what holds the sender
   * back, so it grows, up to double (the rule of quic-go); when room has become scarce it shrinks.
   */
  #announce(stream: YamuxStream<Owner>, now: number): void {
    const roundTrip = this.#roundTrip.get(now);
    const growth = this.#budget.growth(stream.window, stream.window);
    const hasteful = roundTrip !== undefined && now - stream.announcedAt < 2 * roundTrip;
    const change = growth < 0 ? Math.ceil(Math.max(growth, -stream.unannounced)) : hasteful ? growth : 0;
    const delta = stream.unannounced + change;
    stream.announcedAt = now;
    stream.unannounced = 0;
    stream.window += change;
    stream.receiveWindow += delta;
    this.#budget.changed(change);
    if (delta > 0) this.#head(yamux.WINDOW_UPDATE, 0, stream.id, delta);
  }

  /** The record of a stream that can still be spoken of to the peer. */
  #own(stream: WireStream<Owner>): YamuxStream<Owner> | undefined {
    return stream.state === 'closed' ? undefined : (stream as YamuxStream<Owner>);
  }

  #forgetIfEnded(stream: YamuxStream<Owner>): void {
    if (stream.localEnded && stream.remoteEnded && stream.state === 'open') this.#forget(stream);
  }

  #forget(stream: YamuxStream<Owner>): void {
    if (!this.#streams.delete(stream.id)) return;
    stream.state = 'closed';
    this.#budget.close(stream);
    this.#events.streamClosed(stream);
  }

  #spendReset(): void {
    this.#budgets.spendReset(this.#now);
  }

  #spendEmpty(what: string): void {
    this.#budgets.spendEmpty(what, this.#now);
  }

  #sendReset(id: number): void {
    this.#activity++;
    this.#head(yamux.WINDOW_UPDATE, yamux.RST, id, 0);
  }

  #sendGoAway(code: number): void {
    if (this.#goneAway) return;
    this.#goneAway = true;
    this.#head(yamux.GO_AWAY, 0, 0, code);
  }

  /** For frames that the peer can make us send without end. */
  #countControl(): void {
    // The driver looks at the count between events only: one chunk of pings must not pile up answers past it.
    if (++this.pendingControlFrames >= this.#limits.maxPendingControlFrames) this.#reader.pause();
  }

  #head(type: number, flags: number, id: number, length: number): void {
    const { output } = this;
    const at = output.reserve(yamux.FRAME_HEAD_BYTES);
    const slab: Uint8Array = output.slab;
    slab[at] = yamux.VERSION;
    slab[at + 1] = type;
    slab[at + 2] = 0;
    slab[at + 3] = flags;
    slab[at + 4] = id >>> 24;
    slab[at + 5] = id >>> 16;
    slab[at + 6] = id >>> 8;
    slab[at + 7] = id;
    slab[at + 8] = length >>> 24;
    slab[at + 9] = length >>> 16;
    slab[at + 10] = length >>> 8;
    slab[at + 11] = length;
  }
}

function windowExceeded(id: number): ProtocolError {
  return violation(`more data than the window of stream ${id} allows`);
}

function windowOverflow(id: number): ProtocolError {
  return violation(`the window of stream ${id} would pass 2^32-1`);
}
