import type { FrameOutput } from '../../bytes/frame-output.js';
import { FRAME_HEAD_BYTES, VERSION } from './constants.js';

const WORD_BYTES = 4;

/** Appends a control frame whose payload is 32-bit numbers. */
export function writeControlWords(output: FrameOutput, type: number, ...words: readonly number[]): void {
  writeControlHead(output, type, words.length * WORD_BYTES);
  for (const word of words) writeWord(output, word);
}

/** Appends a control frame that carries headers of a stream: its id, the fixed fields that follow, and the block. */
export function writeHeaders(output: FrameOutput, type: number, id: number, fields: Buffer, block: Buffer): void {
  writeControlHead(output, type, WORD_BYTES + fields.length + block.length);
  writeWord(output, id);
  output.append(fields);
  output.append(block);
}

function writeControlHead(output: FrameOutput, type: number, length: number): void {
  const offset = output.reserve(FRAME_HEAD_BYTES);
  output.slab.writeUInt32BE((0x80000000 | (VERSION << 16) | type) >>> 0, offset);
  output.slab.writeUInt32BE(length, offset + 4);
}

function writeWord(output: FrameOutput, word: number): void {
  const offset = output.reserve(WORD_BYTES);
  output.slab.writeUInt32BE(word, offset);
}

/** Appends the head of a data frame; the payload follows. */
export function writeDataHead(output: FrameOutput, streamId: number, flags: number, length: number): void {
  const offset = output.reserve(FRAME_HEAD_BYTES);
  output.slab.writeUInt32BE(streamId, offset);
  output.slab.writeUInt32BE(((flags << 24) | length) >>> 0, offset + 4);
}
