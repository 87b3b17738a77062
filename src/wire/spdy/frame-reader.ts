import { LimitExceededError, ProtocolError } from '../../errors/index.js';
import type { Limits } from '../../limits/limits.js';
import { FRAME_HEAD_BYTES, VERSION } from './constants.js';

/** What a {@link FrameReader} finds. */
export interface FrameSink {
  control(type: number, flags: number, payload: Buffer): void;
  /** A data frame begins; `length` bytes follow in {@link dataPiece}. */
  dataHead(streamId: number, flags: number, length: number): void;
  /** Some of the bytes of the frame last begun; `rest` are still to come. */
  dataPiece(chunk: Buffer, rest: number): void;
}

/**
 * Cuts a byte stream into frames, however it arrives. Control frames are gathered, bounded by `maxControlFrameBytes`;
 * data is passed on as it comes, without a copy.
 */
export class FrameReader {
  readonly #limits: Limits;
  readonly #sink: FrameSink;
  readonly #head: Buffer = Buffer.allocUnsafeSlow(FRAME_HEAD_BYTES);
  #headFilled = 0;
  #dataRest = 0;
  #type = 0;
  #flags = 0;
  /** Bytes of the control frame being received; 0 between frames and inside data. */
  #controlLength = 0;
  /** Holds what there is of a control frame that came in pieces. */
  #control: Buffer | undefined;
  #controlFilled = 0;
  #paused = false;
  #began: number | undefined;

  constructor(limits: Limits, sink: FrameSink) {
    this.#limits = limits;
    this.#sink = sink;
  }

  /** When the head or control frame being received began; `undefined` between frames and inside data. */
  get began(): number | undefined {
    return this.#began;
  }

  /** Makes a running {@link read} return after the current frame or piece. */
  pause(): void {
    this.#paused = true;
  }

  /** Reads from `offset`; returns where it stopped. Throws ProtocolError or LimitExceededError. */
  read(chunk: Buffer, offset: number, now: number): number {
    this.#paused = false;
    let at = offset;
    while (at < chunk.length && !this.#paused) {
      if (this.#dataRest > 0) {
        const end = Math.min(chunk.length, at + this.#dataRest);
        this.#dataRest -= end - at;
        const piece = at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end);
        at = end;
        this.#sink.dataPiece(piece, this.#dataRest);
      } else if (this.#controlLength > 0) {
        at = this.#readControl(chunk, at);
      } else {
        at = this.#readHead(chunk, at);
      }
    }
    const inside = this.#headFilled > 0 || this.#controlLength > 0;
    this.#began = inside ? (this.#began ?? now) : undefined;
    return at;
  }

  #readHead(chunk: Buffer, at: number): number {
    if (this.#headFilled === 0 && chunk.length - at >= FRAME_HEAD_BYTES) {
      this.#begin(chunk, at);
      return at + FRAME_HEAD_BYTES;
    }
    const end = Math.min(chunk.length, at + FRAME_HEAD_BYTES - this.#headFilled);
    this.#headFilled += chunk.copy(this.#head, this.#headFilled, at, end);
    if (this.#headFilled === FRAME_HEAD_BYTES) {
      this.#headFilled = 0;
      this.#began = undefined;
      this.#begin(this.#head, 0);
    }
    return end;
  }

  #begin(head: Buffer, at: number): void {
    const first = head.readUInt32BE(at);
    const second = head.readUInt32BE(at + 4);
    const flags = second >>> 24;
    const length = second & 0xffffff;
    if (first < 0x80000000) {
      this.#checkLength('maxDataFrameIn', length);
      this.#dataRest = length;
      this.#sink.dataHead(first, flags, length);
      return;
    }
    const version = (first >>> 16) & 0x7fff;
    if (version !== VERSION) {
      throw new ProtocolError(`frame of SPDY version ${version}, expected ${VERSION}`, { initiator: 'remote' });
    }
    this.#checkLength('maxControlFrameBytes', length);
    this.#type = first & 0xffff;
    this.#flags = flags;
    if (length === 0) {
      this.#sink.control(this.#type, flags, Buffer.alloc(0));
      return;
    }
    this.#controlLength = length;
  }

  #readControl(chunk: Buffer, at: number): number {
    const length = this.#controlLength;
    if (this.#control === undefined && chunk.length - at >= length) {
      this.#endControl(chunk.subarray(at, at + length));
      return at + length;
    }
    this.#control ??= Buffer.allocUnsafe(length);
    const end = Math.min(chunk.length, at + length - this.#controlFilled);
    this.#controlFilled += chunk.copy(this.#control, this.#controlFilled, at, end);
    if (this.#controlFilled === length) this.#endControl(this.#control);
    return end;
  }

  #endControl(payload: Buffer): void {
    this.#control = undefined;
    this.#controlLength = 0;
    this.#controlFilled = 0;
    this.#began = undefined;
    this.#sink.control(this.#type, this.#flags, payload);
  }

  #checkLength(limit: 'maxDataFrameIn' | 'maxControlFrameBytes', length: number): void {
    if (length <= this.#limits[limit]) return;
    throw new LimitExceededError(limit, `frame of ${length} bytes, limit ${this.#limits[limit]}`, {
      initiator: 'remote',
    });
  }
}
