import { ProtocolError } from '../../errors/index.js';
import * as yamux from './constants.js';

/** What a {@link FrameReader} finds. */
export interface FrameSink<Bytes extends Uint8Array> {
  /** A frame head. Of a data frame, `length` bytes follow in {@link piece}. */
  frame(type: number, flags: number, streamId: number, length: number): void;
  /** Some of the bytes of the data frame last begun; `rest` are still to come. */
  piece(chunk: Bytes, rest: number): void;
}

/** Cuts a byte stream into frames, however it arrives. Payloads are passed on as they come, without a copy. */
export class FrameReader<Bytes extends Uint8Array> {
  readonly #sink: FrameSink<Bytes>;
  /** Holds what there is of a head that came in pieces. */
  readonly #head = new Uint8Array(yamux.FRAME_HEAD_BYTES);
  #headFilled = 0;
  #dataRest = 0;
  #paused = false;
  #began: number | undefined;

  constructor(sink: FrameSink<Bytes>) {
    this.#sink = sink;
  }

  /** When the head being received began; `undefined` between frames and inside data. */
  get began(): number | undefined {
    return this.#began;
  }

  /** Makes a running {@link read} return after the current frame or piece. */
  pause(): void {
    this.#paused = true;
  }

  /** Reads from `offset`; returns where it stopped. Throws ProtocolError. */
  read(chunk: Bytes, offset: number, now: number): number {
    this.#paused = false;
    let at = offset;
    while (at < chunk.length && !this.#paused) {
      if (this.#dataRest > 0) {
        const end = Math.min(chunk.length, at + this.#dataRest);
        this.#dataRest -= end - at;
        const piece = at === 0 && end === chunk.length ? chunk : (chunk.subarray(at, end) as Bytes);
        at = end;
        this.#sink.piece(piece, this.#dataRest);
      } else if (this.#headFilled === 0 && chunk.length - at >= yamux.FRAME_HEAD_BYTES) {
        const head = at;
        at += yamux.FRAME_HEAD_BYTES;
        this.#readHead(chunk, head);
      } else {
        at = this.#fillHead(chunk, at, now);
      }
    }
    return at;
  }

  #fillHead(chunk: Bytes, offset: number, now: number): number {
    const end = Math.min(chunk.length, offset + yamux.FRAME_HEAD_BYTES - this.#headFilled);
    this.#head.set(chunk.subarray(offset, end), this.#headFilled);
    this.#headFilled += end - offset;
    if (this.#headFilled < yamux.FRAME_HEAD_BYTES) {
      this.#began ??= now;
    } else {
      this.#headFilled = 0;
      this.#began = undefined;
      this.#readHead(this.#head, 0);
    }
    return end;
  }

  #readHead(bytes: Uint8Array, at: number): void {
    const version = bytes[at];
    const type = bytes[at + 1] ?? 0;
    if (version !== yamux.VERSION) throw violation(`version ${version} instead of ${yamux.VERSION}`);
    if (type > yamux.GO_AWAY) throw violation(`unknown frame type ${type}`);
    const length = readUint32(bytes, at + 8);
    if (type === yamux.DATA) this.#dataRest = length;
    // All flags that there are fit the second byte; others are ignored, as in the original.
    this.#sink.frame(type, bytes[at + 3] ?? 0, readUint32(bytes, at + 4), length);
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16);
  return (high | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0)) >>> 0;
}

/** The error for bytes that the specification does not allow. */
export function violation(what: string): ProtocolError {
  return new ProtocolError(`yamux protocol error: ${what}`, { initiator: 'remote' });
}
