import { Packr } from 'msgpackr';
import { InvalidArgumentError, ProtocolError, type ResetReason } from '../../errors/index.js';
import { RESET_REASONS } from '../../errors/stream.js';
import type { Limits } from '../../limits/limits.js';
import type { HeaderEntries } from '../../wire/headers.js';

/** First byte of what the opener sends: the version of the preface. */
export const VERSION = 1;
/** First byte of the answer. */
export const ACCEPTED = 0;
export const REFUSED = 1;
/** Length of a preface's own head: a byte as above, and the length of what follows, 16 bits. */
export const HEAD_BYTES = 3;

const MAX_BODY = 2 ** 16 - 1;
const MAX_MESSAGE_CHARACTERS = 1024;

// Maps stay maps: no name can reach a prototype. No records: each message stands for itself.
const packr = new Packr({ useRecords: false, mapsAsObjects: false });

/** Why a stream was refused, as the peer says. */
export interface Refusal {
  readonly reason: ResetReason;
  readonly message: string;
}

const REASONS: ReadonlySet<string> = new Set(RESET_REASONS);

/** What a preface's body may hold at most. */
export function maxBodyBytes(limits: Limits): number {
  return Math.min(MAX_BODY, limits.maxHeaderBytes);
}

/** @throws InvalidArgumentError when the headers do not fit, or are more than `limits.maxHeaders`. */
export function encodeHeaders(headers: HeaderEntries, limits: Limits): Uint8Array {
  const map = new Map(headers);
  const count = countHeaders(map);
  if (count > limits.maxHeaders) throw new InvalidArgumentError(`${count} headers exceed ${limits.maxHeaders}`);
  const body = packr.pack(map);
  const most = maxBodyBytes(limits);
  if (body.length > most) throw new InvalidArgumentError(`headers of ${body.length} bytes exceed ${most}`);
  return framed(VERSION, body);
}

/** The refusal of a stream; a long message is cut. */
export function encodeRefusal(reason: ResetReason, message: string): Uint8Array {
  return framed(REFUSED, packr.pack([reason, message.slice(0, MAX_MESSAGE_CHARACTERS)]));
}

/** @throws ProtocolError when it is anything but a map of names to lists of values, within `limits.maxHeaders`. */
export function decodeHeaders(body: Uint8Array, limits: Limits): ReadonlyMap<string, readonly string[]> {
  const value = unpack(body);
  if (!(value instanceof Map)) throw malformed('headers');
  for (const [name, values] of value as Map<unknown, unknown>) {
    if (typeof name !== 'string' || !isStrings(values)) throw malformed('headers');
  }
  const headers = value as Map<string, readonly string[]>;
  const count = countHeaders(headers);
  if (count > limits.maxHeaders) throw malformed(`${count} headers, where ${limits.maxHeaders} are allowed; the`);
  return headers;
}

/** A reason that is not known becomes `refused`. @throws ProtocolError */
export function decodeRefusal(body: Uint8Array): Refusal {
  const value = unpack(body);
  if (!isStrings(value) || value.length !== 2) throw malformed('refusal');
  const [reason = '', message = ''] = value;
  return {
    reason: REASONS.has(reason) ? (reason as ResetReason) : 'refused',
    message: printable(message),
  };
}

/** A name without values counts too: it takes memory like any other. */
function countHeaders(headers: ReadonlyMap<string, readonly string[]>): number {
  let count = 0;
  for (const values of headers.values()) count += Math.max(1, values.length);
  return count;
}

function framed(kind: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(HEAD_BYTES + body.length);
  bytes[0] = kind;
  bytes[1] = body.length >>> 8;
  bytes[2] = body.length;
  bytes.set(body, HEAD_BYTES);
  return bytes;
}

function unpack(body: Uint8Array): unknown {
  try {
    return packr.unpack(body) as unknown;
  } catch {
    // Whatever hostile bytes can raise: short input, unknown extensions, nesting too deep.
    throw malformed('preface');
  }
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/** A peer's words end up in logs. */
function printable(text: string): string {
  return text.slice(0, MAX_MESSAGE_CHARACTERS).replace(/[\0-\x1f\x7f-\x9f]/g, ' ');
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(`${what} of the peer cannot be read`, { initiator: 'remote' });
}
