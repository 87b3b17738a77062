import { InvalidArgumentError, LimitExceededError, ProtocolError } from '../../errors/index.js';
import type { Limits } from '../../limits/limits.js';
import type { HeaderEntries } from '../headers.js';
import { CONNECTION_HEADERS } from './constants.js';

/** Lays out a header block as it is before compression (SPDY/3, 2.6.10). */
export function encodeHeaderBlock(headers: HeaderEntries): Buffer {
  const fields: string[] = [];
  let length = 4;
  for (const [name, values] of headers) {
    if (CONNECTION_HEADERS.has(name)) {
      throw new InvalidArgumentError(`header ${name} belongs to the HTTP connection and cannot be a stream header`);
    }
    const value = values.join('\0');
    fields.push(name, value);
    length += 8 + Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  const block = Buffer.allocUnsafe(length);
  let offset = block.writeUInt32BE(fields.length / 2, 0);
  for (const field of fields) {
    const written = block.write(field, offset + 4);
    offset = block.writeUInt32BE(written, offset) + written;
  }
  return block;
}

/**
 * Reads a header block. Counts and lengths are checked against what is there before anything is made of them
 * (CVE-2026-35469 of moby/spdystream).
 *
 * @throws ProtocolError when malformed, LimitExceededError for too many headers.
 */
export function decodeHeaderBlock(block: Buffer, limits: Limits): Map<string, string[]> {
  if (block.length < 4) throw malformed('it is too short for its count');
  const count = block.readUInt32BE(0);
  if (count > limits.maxHeaders) {
    throw new LimitExceededError('maxHeaders', `header block claims ${count} headers, limit ${limits.maxHeaders}`, {
      initiator: 'remote',
    });
  }
  let offset = 4;
  const field = (): string => {
    if (block.length - offset < 4) throw malformed('it ends inside a length');
    const length = block.readUInt32BE(offset);
    offset += 4;
    if (length > block.length - offset) throw malformed('a length points past its end');
    offset += length;
    return block.toString('utf8', offset - length, offset);
  };
  const headers = new Map<string, string[]>();
  for (let i = 0; i < count; i++) {
    const name = field();
    const value = field();
    if (name === '') throw malformed('a name is empty');
    if (name !== name.toLowerCase()) throw malformed(`the name ${JSON.stringify(name)} is not in lower case`);
    if (headers.has(name)) throw malformed(`the name ${JSON.stringify(name)} stands twice`);
    if (CONNECTION_HEADERS.has(name)) throw malformed(`the name ${JSON.stringify(name)} is not allowed`);
    headers.set(name, value.split('\0'));
  }
  if (offset !== block.length) throw malformed(`${block.length - offset} bytes are left over`);
  return headers;
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(`malformed header block: ${what}`, { initiator: 'remote' });
}
