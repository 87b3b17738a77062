import { LimitExceededError, ProtocolError } from '../errors/index.js';
import { isFieldValue, isToken, type Field } from './request-text.js';

/** Status line and fields of a response. */
export interface ResponseHead {
  readonly statusCode: number;
  readonly statusMessage: string;
  readonly fields: readonly Field[];
}

const STATUS_LINE = /^HTTP\/1\.[01] ([1-5]\d\d)(?: ([^]*))?$/;
const LF = 0x0a;
const CR = 0x0d;

/** Where the reader stands: in a line, behind a line feed, or behind a line feed and a carriage return. */
type Position = 'line' | 'start' | 'return';

/**
 * Takes the header of a response out of bytes that arrive in any pieces, and looks at each byte once. Line feeds alone
 * end lines too, as for Go.
 */
export class ResponseHeadReader {
  readonly #limit: number;
  readonly #pieces: Buffer[] = [];
  #length = 0;
  #position: Position = 'line';

  /** @param limit Bytes that a header may have. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Bytes of the header so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Takes bytes; returns the header once it is complete, and what came behind it.
   *
   * @throws ProtocolError when it is no header of HTTP/1; LimitExceededError when it is too long.
   */
  push(chunk: Buffer): { readonly head: ResponseHead; readonly rest: Buffer } | undefined {
    const end = this.#scan(chunk);
    const piece = end === undefined ? chunk : chunk.subarray(0, end);
    this.#length += piece.length;
    if (this.#length > this.#limit) {
      throw new LimitExceededError('maxResponseHeaderBytes', `the header of the answer exceeds ${this.#limit} bytes`, {
        initiator: 'remote',
      });
    }
    this.#pieces.push(piece);
    if (end === undefined) return undefined;
    return { head: parse(Buffer.concat(this.#pieces).toString('latin1')), rest: chunk.subarray(end) };
  }

  #scan(chunk: Buffer): number | undefined {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i];
      if (byte === LF) {
        if (this.#position !== 'line') return i + 1;
        this.#position = 'start';
      } else {
        this.#position = byte === CR && this.#position === 'start' ? 'return' : 'line';
      }
    }
    return undefined;
  }
}

function parse(text: string): ResponseHead {
  const [first = '', ...lines] = text.split(/\r?\n/);
  const [, code, statusMessage = ''] = STATUS_LINE.exec(first) ?? [];
  if (code === undefined || !isFieldValue(statusMessage)) throw malformed('status line');
  const fields = lines
    .filter((line) => line !== '')
    .map((line): Field => {
      const colon = line.indexOf(':');
      const name = line.slice(0, Math.max(0, colon));
      const value = line.slice(colon + 1).replace(/^[\t ]+|[\t ]+$/g, '');
      if (!isToken(name) || !isFieldValue(value)) throw malformed('header');
      return [name, value];
    });
  return { statusCode: Number(code), statusMessage, fields };
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(`the backend did not answer in HTTP: malformed ${what}`, { initiator: 'remote' });
}
