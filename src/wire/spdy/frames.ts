import type { FrameOutput } from '../../bytes/frame-output.js';
import { FRAME_HEAD_BYTES, VERSION } from './constants.js';

/** Appends a control frame. */
export function writeControl(output: FrameOutput, type: number, flags: number, payload: Buffer): void {
  const offset = output.reserve(FRAME_HEAD_BYTES);
  output.slab.writeUInt32BE((0x80000000 | (VERSION << 16) | type) >>> 0, offset);
  output.slab.writeUInt32BE(((flags << 24) | payload.length) >>> 0, offset + 4);
  output.append(payload);
}

/** Appends a control frame whose payload is 32-bit numbers. */
export function writeControlWords(output: FrameOutput, type: number, ...words: readonly number[]): void {
  const payload = Buffer.allocUnsafe(words.length * 4);
  words.forEach((word, index) => payload.writeUInt32BE(word, index * 4));
  writeControl(output, type, 0, payload);
}

/** Appends the head of a data frame; the payload follows. */
export function writeDataHead(output: FrameOutput, streamId: number, flags: number, length: number): void {
  const offset = output.reserve(FRAME_HEAD_BYTES);
  output.slab.writeUInt32BE(streamId, offset);
  output.slab.writeUInt32BE(((flags << 24) | length) >>> 0, offset + 4);
}
