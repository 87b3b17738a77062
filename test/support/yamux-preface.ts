import { Packr } from 'msgpackr';

// The preface of docs/wire/yamux.md, written and read without the code under test; msgpack itself is msgpackr's.

const packr = new Packr({ useRecords: false, mapsAsObjects: false });

export type PrefaceFields = readonly (readonly [name: string, values: readonly string[]])[];

/** A byte, a 16-bit length, and what it is the length of; `length` can lie. */
export function block(first: number, body: Uint8Array, length: number = body.length): Buffer {
  return Buffer.concat([Buffer.of(first, length >>> 8, length & 255), body]);
}

/** What an opener sends in front of its data. */
export function preface(fields: PrefaceFields = []): Buffer {
  return block(1, pack(new Map(fields)));
}

/** The answer that accepts. */
export const ACCEPTED: Buffer = Buffer.of(0);

/** The answer that refuses. */
export function refusal(reason: string, message: string): Buffer {
  return block(1, pack([reason, message]));
}

/** Any value as msgpack. */
export function pack(value: unknown): Uint8Array {
  // The packer reuses its buffer.
  return Uint8Array.from(packr.pack(value));
}

/** Reads what {@link refusal} makes. */
export function readRefusal(bytes: Buffer): unknown {
  if (bytes[0] !== 1 || bytes.readUInt16BE(1) !== bytes.length - 3)
    throw new Error(`no refusal: ${bytes.toString('hex')}`);
  return packr.unpack(bytes.subarray(3)) as unknown;
}
