import { FrameOutput } from '../../bytes/frame-output.js';
import { bufferMemory } from '../../bytes/memory.js';
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
import type { GoAwayCode, Machine, MachineEvents, WireStream, WireStreamState } from '../machine.js';
import { PeerBudgets } from '../peer-budgets.js';
import * as spdy from './constants.js';
import { FrameReader } from './frame-reader.js';
import { writeControlWords, writeDataHead, writeHeaders } from './frames.js';
import { decodeHeaderBlock, encodeHeaderBlock } from './header-block.js';
import { HeaderCompressor } from './header-compressor.js';
import { HeaderDecompressor } from './header-decompressor.js';

const NOTHING = Buffer.alloc(0);
const NO_HEADERS = encodeHeaderBlock([]);
/** Associated stream, priority and slot, of which none is used (SPDY/3, 2.6.1). */
const SYN_STREAM_REST = Buffer.alloc(6);

/** How a {@link SpdyMachine} is set up. */
export interface SpdyMachineOptions {
  /** `client` opens odd ids, `server` even ones. */
  readonly role: 'client' | 'server';
  readonly limits: Limits;
  /** The time now, as later given to `receive`. */
  readonly now: number;
  /** zlib level of header blocks; default 0, which hides nothing behind lengths. */
  readonly compressionLevel?: number;
  /** First stream id to open; tests start near the end. Default 1 or 2 by role. */
  readonly firstStreamId?: number;
}

class SpdyStream<Owner> implements WireStream<Owner> {
  readonly id: number;
  readonly inbound: boolean;
  state: WireStreamState;
  localEnded = false;
  remoteEnded = false;
  headerFrames = 0;
  owner: Owner | undefined;

  constructor(id: number, inbound: boolean, owner: Owner | undefined) {
    this.id = id;
    this.inbound = inbound;
    this.state = inbound ? 'offered' : 'opening';
    this.owner = owner;
  }
}

/**
 * SPDY/3 as moby/spdystream speaks it under the name SPDY/3.1: no flow control, SETTINGS and WINDOW_UPDATE read and
 * dropped. Every header block is decoded, also of refused and unknown streams, so that the shared compression context
 * never loses step. Rules and deviations: docs/wire/spdy.md.
 */
export class SpdyMachine<Owner> implements Machine<Owner> {
  readonly flowControl = false;
  readonly earlyData = false;
  readonly output: FrameOutput = new FrameOutput(bufferMemory);
  pendingControlFrames = 0;
  readonly #limits: Limits;
  readonly #events: MachineEvents<Owner>;
  readonly #reader: FrameReader;
  readonly #compressor: HeaderCompressor;
  readonly #decompressor: HeaderDecompressor;
  readonly #streams = new IdMap<SpdyStream<Owner>>();
  readonly #budgets: PeerBudgets;
  readonly #parity: number;
  #nextId: number;
  #lastInboundId = 0;
  #nextPing: number;
  #dataStream: SpdyStream<Owner> | undefined;
  #dataFlags = 0;
  #goneAway = false;
  #now: number;
  #activity = 0;

  constructor(options: SpdyMachineOptions, events: MachineEvents<Owner>) {
    const { role, limits, now } = options;
    this.#limits = limits;
    this.#events = events;
    this.#now = now;
    this.#parity = role === 'client' ? 1 : 0;
    this.#nextId = options.firstStreamId ?? (role === 'client' ? 1 : 2);
    this.#nextPing = role === 'client' ? 1 : 2;
    this.#compressor = new HeaderCompressor(options.compressionLevel);
    this.#decompressor = new HeaderDecompressor(limits);
    this.#budgets = new PeerBudgets(limits, now);
    this.#reader = new FrameReader(limits, {
      control: (type, flags, payload) => this.#control(type, flags, payload),
      dataHead: (id, flags, length) => this.#dataHead(id, flags, length),
      dataPiece: (chunk, rest) => this.#dataPiece(chunk, rest),
    });
  }

  get frameBegan(): number | undefined {
    return this.#reader.began;
  }

  get activity(): number {
    return this.#activity;
  }

  receive(chunk: Buffer, offset: number, now: number): number {
    this.#now = now;
    try {
      return this.#reader.read(chunk, offset, now);
    } catch (error) {
      if (error instanceof ProtocolError || error instanceof LimitExceededError) {
        this.#sendGoAway(spdy.GOAWAY_PROTOCOL_ERROR);
      }
      throw error;
    }
  }

  pause(): void {
    this.#reader.pause();
  }

  open(headers: HeaderEntries, owner: Owner): WireStream<Owner> {
    if (this.#nextId > spdy.MAX_STREAM_ID) {
      throw new StreamsExhaustedError('all SPDY stream ids of this connection are used', { initiator: 'local' });
    }
    const block = encodeHeaderBlock(headers);
    this.#checkBlock(block);
    const stream = new SpdyStream<Owner>(this.#nextId, false, owner);
    this.#sendHeaders(spdy.SYN_STREAM, stream.id, SYN_STREAM_REST, this.#compressor.compress(block));
    this.#nextId += 2;
    this.#streams.set(stream.id, stream);
    return stream;
  }

  accept(stream: WireStream<Owner>): void {
    const own = this.#own(stream);
    if (own?.state !== 'offered') return;
    own.state = 'open';
    this.#sendHeaders(spdy.SYN_REPLY, own.id, NOTHING, this.#compressor.compress(NO_HEADERS));
    this.#forgetIfEnded(own);
  }

  /** The reason alone travels: as RST_STREAM, without words. */
  refuse(stream: WireStream<Owner>, reason: ResetReason): void {
    this.reset(stream, reason);
  }

  sendable(): number {
    return Infinity;
  }

  data(stream: WireStream<Owner>, payload: Buffer): void {
    const own = this.#own(stream);
    if (own === undefined || own.localEnded) return;
    this.#activity++;
    writeDataHead(this.output, own.id, 0, payload.length);
    this.output.append(payload);
  }

  /** Nobody is told: there are no windows. */
  consumed(): void {}

  end(stream: WireStream<Owner>): void {
    const own = this.#own(stream);
    if (own === undefined || own.localEnded) return;
    this.#activity++;
    own.localEnded = true;
    writeDataHead(this.output, own.id, spdy.FLAG_FIN, 0);
    this.#forgetIfEnded(own);
  }

  reset(stream: WireStream<Owner>, reason: ResetReason): void {
    const own = this.#own(stream);
    if (own === undefined) return;
    this.#sendControlWords(spdy.RST_STREAM, own.id, spdy.resetCode(reason));
    this.#forget(own);
  }

  violated(stream: WireStream<Owner>, reason: ResetReason): void {
    const own = this.#own(stream);
    if (own !== undefined) this.#violated(own, reason);
  }

  ping(): number {
    const id = this.#nextPing;
    // Ids keep their parity when they start over: an echo with the peer's parity would be taken for a new ping.
    this.#nextPing = id + 2 > spdy.MAX_STREAM_ID ? 2 - this.#parity : id + 2;
    this.#sendControlWords(spdy.PING, id);
    // Not the peer's doing, and bounded by the pinger.
    this.#activity--;
    this.pendingControlFrames--;
    return id;
  }

  goAway(code: GoAwayCode = 'normal'): void {
    this.#sendGoAway(code === 'normal' ? spdy.GOAWAY_OK : spdy.GOAWAY_INTERNAL_ERROR);
  }

  close(): void {}

  #sendGoAway(status: number): void {
    if (this.#goneAway) return;
    this.#goneAway = true;
    this.#sendControlWords(spdy.GOAWAY, this.#lastInboundId, status);
  }

  #control(type: number, flags: number, payload: Buffer): void {
    switch (type) {
      case spdy.SYN_STREAM:
        return this.#synStream(flags, payload);
      case spdy.SYN_REPLY:
        return this.#synReply(flags, payload);
      case spdy.HEADERS:
        return this.#headers(flags, payload);
      case spdy.RST_STREAM:
        return this.#rstStream(flags, payload);
      case spdy.PING:
        return this.#ping(flags, payload);
      case spdy.GOAWAY:
        return this.#goAwayReceived(flags, payload);
      case spdy.SETTINGS:
        return this.#settings(payload);
      case spdy.WINDOW_UPDATE:
        checkFixed('WINDOW_UPDATE', flags, payload, 8);
        // There is no flow control in this dialect: accepted and without effect, as in the original.
        return this.#spendEmpty('WINDOW_UPDATE');
      default:
        throw violation(`unknown control frame type ${type}`);
    }
  }

  #synStream(flags: number, payload: Buffer): void {
    const id = this.#streamId('SYN_STREAM', payload, 10);
    const headers = this.#decodeHeaders(payload, 10);
    if (this.#goneAway) return;
    const open = this.#streams.get(id);
    if (open !== undefined) return this.#violated(open, 'protocol-error');
    if (id % 2 === this.#parity || id <= this.#lastInboundId) {
      // Answered like the original does, but paid for: otherwise bad ids would make us send resets without end.
      this.#spendReset();
      this.#sendControlWords(spdy.RST_STREAM, id, spdy.resetCode('protocol-error'));
      return;
    }
    this.#lastInboundId = id;
    this.#activity++;
    const stream = new SpdyStream<Owner>(id, true, undefined);
    this.#streams.set(id, stream);
    stream.localEnded = (flags & spdy.FLAG_UNIDIRECTIONAL) !== 0;
    this.#events.streamOpened(stream, headers);
    if ((flags & spdy.FLAG_FIN) !== 0) this.#remoteEnd(stream);
  }

  #synReply(flags: number, payload: Buffer): void {
    const id = this.#streamId('SYN_REPLY', payload, 4);
    this.#decodeHeaders(payload, 4);
    const stream = this.#streams.get(id);
    if (stream?.state !== 'opening') return this.#spendEmpty('SYN_REPLY for no opening stream');
    this.#activity++;
    stream.state = 'open';
    this.#events.streamAccepted(stream);
    if ((flags & spdy.FLAG_FIN) !== 0) this.#remoteEnd(stream);
  }

  #headers(flags: number, payload: Buffer): void {
    const id = this.#streamId('HEADERS', payload, 4);
    const headers = this.#decodeHeaders(payload, 4);
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#spendEmpty('HEADERS for an unknown stream');
    if (stream.remoteEnded) return this.#violated(stream, 'stream-already-closed');
    if (++stream.headerFrames > this.#limits.maxHeaderFramesPerStream) {
      throw new LimitExceededError(
        'maxHeaderFramesPerStream',
        `more than ${this.#limits.maxHeaderFramesPerStream} HEADERS frames on stream ${id}`,
        { initiator: 'remote' },
      );
    }
    this.#activity++;
    this.#events.streamHeaders(stream, headers);
    if ((flags & spdy.FLAG_FIN) !== 0) this.#remoteEnd(stream);
  }

  #rstStream(flags: number, payload: Buffer): void {
    checkFixed('RST_STREAM', flags, payload, 8);
    const id = this.#streamId('RST_STREAM', payload, 8);
    const code = payload.readUInt32BE(4);
    if (code === 0) throw violation('RST_STREAM with status 0');
    const stream = this.#streams.get(id);
    if (stream === undefined) return this.#spendEmpty('RST_STREAM for an unknown stream');
    this.#activity++;
    // After our FIN a reset costs us nothing: client-go ends every port-forward stream that way.
    if (stream.inbound && !stream.localEnded) this.#spendReset();
    stream.state = 'closed';
    this.#events.streamReset(stream, spdy.resetReason(code));
    this.#forget(stream);
  }

  #ping(flags: number, payload: Buffer): void {
    checkFixed('PING', flags, payload, 4);
    const id = payload.readUInt32BE(0);
    if (id === 0) throw violation('PING with id 0');
    if (id % 2 === this.#parity) {
      this.#events.pong(id);
    } else {
      this.#sendControlWords(spdy.PING, id);
      this.#activity--;
    }
  }

  #goAwayReceived(flags: number, payload: Buffer): void {
    checkFixed('GOAWAY', flags, payload, 8);
    this.#spendEmpty('GOAWAY');
    this.#events.goneAway(payload.readUInt32BE(0) & spdy.MAX_STREAM_ID);
  }

  #settings(payload: Buffer): void {
    if (payload.length < 4) throw violation('SETTINGS too short for its count');
    const count = payload.readUInt32BE(0);
    if (count > this.#limits.maxSettings) {
      throw new LimitExceededError(
        'maxSettings',
        `SETTINGS claims ${count} entries, limit ${this.#limits.maxSettings}`,
        {
          initiator: 'remote',
        },
      );
    }
    if (payload.length !== 4 + count * 8)
      throw violation(`SETTINGS of ${payload.length} bytes claims ${count} entries`);
    this.#spendEmpty('SETTINGS');
  }

  #dataHead(id: number, flags: number, length: number): void {
    if (id === 0) throw violation('DATA on stream 0');
    const stream = this.#streams.get(id);
    this.#dataStream = stream;
    this.#dataFlags = flags;
    if (stream === undefined) {
      // Streams that once were can have frames under way, any number of them; ids that never were cannot.
      const known = id % 2 === this.#parity ? id < this.#nextId : id <= this.#lastInboundId;
      if (!known) this.#spendEmpty('DATA for a stream that never was');
      return;
    }
    this.#activity++;
    if (stream.remoteEnded || stream.state === 'opening') {
      this.#dataStream = undefined;
      return this.#violated(stream, stream.remoteEnded ? 'stream-already-closed' : 'protocol-error');
    }
    if (length > 0) return;
    this.#dataStream = undefined;
    if ((flags & spdy.FLAG_FIN) === 0) return this.#spendEmpty('empty DATA');
    this.#remoteEnd(stream);
  }

  #dataPiece(chunk: Buffer, rest: number): void {
    const stream = this.#dataStream;
    if (stream === undefined) return;
    this.#activity++;
    // A reset in the middle of a frame: the rest of it belongs to nobody.
    if (stream.state !== 'closed') this.#events.streamData(stream, chunk);
    if (rest > 0) return;
    this.#dataStream = undefined;
    if ((this.#dataFlags & spdy.FLAG_FIN) !== 0 && stream.state !== 'closed') this.#remoteEnd(stream);
  }

  #remoteEnd(stream: SpdyStream<Owner>): void {
    if (stream.state === 'closed') return;
    stream.remoteEnded = true;
    this.#events.streamEnded(stream);
    this.#forgetIfEnded(stream);
  }

  /** The peer broke a rule of one stream: that stream ends, at the peer's expense. */
  #violated(stream: SpdyStream<Owner>, reason: ResetReason): void {
    this.#spendReset();
    this.#sendControlWords(spdy.RST_STREAM, stream.id, spdy.resetCode(reason));
    stream.state = 'closed';
    this.#events.streamReset(stream, reason);
    this.#forget(stream);
  }

  /** What this side would not accept it does not send either; and beyond 24 bits a length would run into the flags. */
  #checkBlock(block: Buffer): void {
    const { maxHeaderBytes, maxControlFrameBytes } = this.#limits;
    // The frame's own fields, the zlib head, and what DEFLATE adds to a block that does not shrink.
    const framed = block.length + 64 + (block.length >>> 11);
    if (block.length > maxHeaderBytes || framed > maxControlFrameBytes) {
      throw new InvalidArgumentError(
        `headers of ${block.length} bytes exceed maxHeaderBytes (${maxHeaderBytes}) or maxControlFrameBytes (${maxControlFrameBytes})`,
      );
    }
  }

  #streamId(frame: string, payload: Buffer, least: number): number {
    if (payload.length < least) throw violation(`${frame} of ${payload.length} bytes`);
    const id = payload.readUInt32BE(0) & spdy.MAX_STREAM_ID;
    if (id === 0) throw violation(`${frame} on stream 0`);
    return id;
  }

  #decodeHeaders(payload: Buffer, offset: number): Map<string, string[]> {
    return decodeHeaderBlock(this.#decompressor.decompress(payload.subarray(offset)), this.#limits);
  }

  /** The record of a stream that can still be spoken of to the peer. */
  #own(stream: WireStream<Owner>): SpdyStream<Owner> | undefined {
    const own = this.#streams.get(stream.id);
    return own?.state === 'closed' ? undefined : own;
  }

  #forgetIfEnded(stream: SpdyStream<Owner>): void {
    if (stream.localEnded && stream.remoteEnded && stream.state === 'open') this.#forget(stream);
  }

  #forget(stream: SpdyStream<Owner>): void {
    if (!this.#streams.delete(stream.id)) return;
    stream.state = 'closed';
    this.#events.streamClosed(stream);
  }

  #spendReset(): void {
    this.#budgets.spendReset(this.#now);
  }

  #spendEmpty(what: string): void {
    this.#budgets.spendEmpty(what, this.#now);
  }

  #sendHeaders(type: number, id: number, fields: Buffer, block: Buffer): void {
    this.#countControl();
    writeHeaders(this.output, type, id, fields, block);
  }

  #sendControlWords(type: number, ...words: readonly number[]): void {
    this.#countControl();
    writeControlWords(this.output, type, ...words);
  }

  #countControl(): void {
    this.#activity++;
    // The driver looks at the count between events only: one chunk of pings must not pile up answers past it.
    if (++this.pendingControlFrames >= this.#limits.maxPendingControlFrames) this.#reader.pause();
  }
}

function violation(what: string): ProtocolError {
  return new ProtocolError(`SPDY protocol error: ${what}`, { initiator: 'remote' });
}

function checkFixed(frame: string, flags: number, payload: Buffer, length: number): void {
  if (flags !== 0) throw violation(`${frame} with flags 0x${flags.toString(16)}`);
  if (payload.length !== length) throw violation(`${frame} of ${payload.length} bytes, expected ${length}`);
}
