import { ProtocolError } from '../errors/index.js';
import { listOf, valuesOf } from './fields.js';
import type { ResponseHead } from './response-head.js';

/** How the end of a body shows. */
export type Framing = 'none' | 'length' | 'chunked' | 'close';

const LONGEST_LINE = 4096;
const LONGEST_TRAILER = 16_384;

type State = 'size' | 'data' | 'data-end' | 'trailer';

/**
 * Takes the body of a response out of bytes that arrive in any pieces (RFC 9112, 6 and 7). Says how its end shows, so
 * that a body that breaks off is not passed on as a whole one.
 */
export class BodyReader {
  readonly framing: Framing;
  /** Length in bytes, where `framing` is `length`. */
  readonly length: number;
  #left: number;
  #state: State = 'size';
  #line = '';
  #trailer = 0;
  #done: boolean;

  /** @throws ProtocolError for a length that is none, or lengths that contradict each other. */
  constructor(head: ResponseHead, method: string) {
    const codings = listOf(head.fields, 'transfer-encoding');
    const lengths = new Set(valuesOf(head.fields, 'content-length'));
    const [length = ''] = lengths;
    const wrong = lengths.size > 1 || (lengths.size === 1 && !/^\d{1,15}$/.test(length));
    if (wrong) throw new ProtocolError('the backend sent an invalid Content-Length', { initiator: 'remote' });
    const bodiless = method === 'HEAD' || head.statusCode === 204 || head.statusCode === 304;
    if (bodiless) this.framing = 'none';
    else if (codings.length > 0) this.framing = codings.at(-1) === 'chunked' ? 'chunked' : 'close';
    else this.framing = lengths.size === 1 ? 'length' : 'close';
    if (codings.length > 1 || (codings.length === 1 && this.framing === 'close')) {
      throw new ProtocolError('the backend sent a transfer coding other than chunked', { initiator: 'remote' });
    }
    this.length = Number(length);
    this.#left = this.framing === 'length' ? this.length : 0;
    this.#done = this.framing === 'none' || (this.framing === 'length' && this.#left === 0);
  }

  /** Whether the body is complete. Where `framing` is `close`, only the end of the connection says so. */
  get done(): boolean {
    return this.#done;
  }

  /** The payload in the bytes given; what comes behind the body is dropped. @throws ProtocolError for malformed chunks. */
  push(chunk: Buffer): readonly Buffer[] {
    if (this.#done || chunk.length === 0) return [];
    if (this.framing === 'close') return [chunk];
    if (this.framing === 'length') {
      const piece = chunk.subarray(0, this.#left);
      this.#left -= piece.length;
      this.#done = this.#left === 0;
      return [piece];
    }
    return this.#chunks(chunk);
  }

  #chunks(input: Buffer): readonly Buffer[] {
    const found: Buffer[] = [];
    let offset = 0;
    while (offset < input.length && !this.#done) {
      if (this.#state === 'data') {
        const piece = input.subarray(offset, offset + this.#left);
        found.push(piece);
        offset += piece.length;
        this.#left -= piece.length;
        if (this.#left === 0) this.#state = 'data-end';
        continue;
      }
      const end = input.indexOf('\n', offset);
      this.#line += input.toString('latin1', offset, end === -1 ? input.length : end);
      if (this.#line.length > LONGEST_LINE) throw malformed();
      if (end === -1) break;
      offset = end + 1;
      const line = this.#line.replace(/\r$/, '');
      this.#line = '';
      this.#take(line);
    }
    return found;
  }

  #take(line: string): void {
    if (this.#state === 'size') {
      const [, digits] = /^([0-9a-f]{1,12})[\t ]*(?:;[^]*)?$/i.exec(line) ?? [];
      if (digits === undefined) throw malformed();
      this.#left = parseInt(digits, 16);
      this.#state = this.#left === 0 ? 'trailer' : 'data';
    } else if (this.#state === 'data-end') {
      if (line !== '') throw malformed();
      this.#state = 'size';
    } else {
      // Trailers are read, and not passed on.
      this.#trailer += line.length;
      if (this.#trailer > LONGEST_TRAILER) throw malformed();
      this.#done = line === '';
    }
  }
}

function malformed(): ProtocolError {
  return new ProtocolError('the backend sent malformed chunks', { initiator: 'remote' });
}
