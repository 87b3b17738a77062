import { BoundedBuffer } from './bounded-buffer.js';
import { resolveEventStreamLimits, type EventStreamLimits } from './limits.js';

/** Type of an event that names none. */
export const MESSAGE_TYPE = 'message';

/** An event as it was read from a stream. */
export interface ParsedEvent {
  /** The `event` field, or `message`. */
  readonly type: string;
  /** The `data` fields, joined by line feeds. */
  readonly data: string;
  /** The `id` field of this or of an earlier event; empty when there was none. */
  readonly lastEventId: string;
}

/** What an {@link EventStreamParser} calls, in the order of the stream. What they throw is thrown by `feed`, and ends the stream. */
export interface EventStreamHandlers {
  readonly event: (event: ParsedEvent) => void;
  /** A `retry` field: the reconnection time in milliseconds. */
  readonly retry?: (milliseconds: number) => void;
  /** A comment without its colon. Left out, comments cost no decoding. */
  readonly comment?: (text: string) => void;
}

/** How an {@link EventStreamParser} works. */
export interface EventStreamParserOptions {
  readonly limits?: Partial<EventStreamLimits>;
  /** Id that events carry before the stream sets one: that of the connection before. Default empty. */
  readonly lastEventId?: string;
}

const LF = 0x0a;
const CR = 0x0d;
const COLON = 0x3a;
const SPACE = 0x20;
const LONGEST_NAME = 'event'.length;
const BOM = [0xef, 0xbb, 0xbf] as const;
const DIGITS = /^[0-9]+$/;

/**
 * Reads `text/event-stream` (WHATWG HTML, 9.2.5 and 9.2.6) out of chunks of bytes, wherever these are cut.
 *
 * Each byte is looked at by two searches, for LF and for CR, and each search goes on where it stopped: a stream without CR
 * is searched for CR once per chunk, not once per line. A line that lies whole in a chunk is read in place, and so is data
 * of one line; only what is unfinished at the end of the chunk is copied. A chunk may be reused after `feed` returned.
 */
export class EventStreamParser {
  readonly #handlers: EventStreamHandlers;
  readonly #line: BoundedBuffer;
  readonly #data: BoundedBuffer;
  #type = '';
  #id: string;
  #lastEventId: string;
  /** Bytes of a leading byte order mark that were seen; 3 when the start of the stream is over. */
  #bom = 0;
  #afterCR = false;
  /** The first line of data, where it was read, until it is clear that there is a second or that the chunk is over. */
  #only: Buffer | undefined;
  #onlyStart = 0;
  #onlyEnd = 0;

  /** @throws InvalidArgumentError for limits out of range. */
  constructor(handlers: EventStreamHandlers, options: EventStreamParserOptions = {}) {
    const limits = resolveEventStreamLimits(options.limits);
    this.#handlers = handlers;
    this.#line = new BoundedBuffer('maxLineBytes', limits.maxLineBytes);
    this.#data = new BoundedBuffer('maxEventBytes', limits.maxEventBytes);
    this.#id = options.lastEventId ?? '';
    this.#lastEventId = this.#id;
  }

  /** The id to resume from: that of the last finished block, whether or not it had data. */
  get lastEventId(): string {
    return this.#lastEventId;
  }

  /**
   * Takes the next bytes. Events are handed out before it returns: that an event is over shows at its empty line, even
   * when that ends with CR and an LF may follow.
   *
   * @throws LimitExceededError past a limit; the stream cannot go on.
   */
  feed(bytes: Uint8Array): void {
    const chunk = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    const end = chunk.length;
    let start = this.#bom < BOM.length ? this.#skipBOM(chunk) : 0;
    if (start >= end) return;
    if (this.#afterCR) {
      this.#afterCR = false;
      if (chunk[start] === LF) start += 1;
    }
    let cr = -1;
    let lf = -1;
    while (start < end) {
      if (cr < start) cr = find(chunk, CR, start);
      if (lf < start) lf = find(chunk, LF, start);
      const stop = cr < lf ? cr : lf;
      if (stop === Infinity) break;
      if (this.#line.length > 0) {
        this.#line.append(chunk, start, stop);
        const line = this.#line.bytes;
        const { length } = this.#line;
        // Emptied first: a handler may throw.
        this.#line.clear();
        this.#readLine(line, 0, length);
      } else {
        this.#line.check(stop - start);
        this.#readLine(chunk, start, stop);
      }
      start = stop + 1;
      if (stop !== cr) continue;
      if (start === end) this.#afterCR = true;
      else if (chunk[start] === LF) start += 1;
    }
    // What is kept of the chunk, data before the line whose memory it may lie in.
    this.#keepOnly();
    if (start < end) this.#line.append(chunk, start, end);
  }

  /** The stream is over: an unfinished block is dropped, its id too. */
  end(): void {
    this.#line.clear();
    this.#data.clear();
    this.#only = undefined;
    this.#type = '';
    this.#id = this.#lastEventId;
    this.#bom = 0;
    this.#afterCR = false;
  }

  /** Where the stream begins in this chunk, behind one byte order mark. */
  #skipBOM(chunk: Uint8Array): number {
    let at = 0;
    while (at < chunk.length && this.#bom < BOM.length) {
      if (chunk[at] !== BOM[this.#bom]) {
        // It was none: what of it came in earlier chunks belongs to the first line.
        const seen = this.#bom - at;
        if (seen > 0) this.#line.append(Uint8Array.from(BOM), 0, seen);
        this.#bom = BOM.length;
        return 0;
      }
      this.#bom += 1;
      at += 1;
    }
    return at;
  }

  #readLine(bytes: Buffer, start: number, end: number): void {
    if (start === end) return this.#dispatch();
    if (bytes[start] === COLON) {
      this.#handlers.comment?.(text(bytes, start + 1, end));
      return;
    }
    // A name that matters is over by its sixth byte.
    const furthest = Math.min(end, start + LONGEST_NAME + 1);
    let colon = start;
    while (colon < furthest && bytes[colon] !== COLON) colon += 1;
    const length = colon - start;
    let value = Math.min(colon + 1, end);
    if (value < end && bytes[value] === SPACE) value += 1;
    if (length === 4 && isWord(bytes, start, DATA)) {
      this.#addData(bytes, value, end);
    } else if (length === 2 && isWord(bytes, start, ID)) {
      const id = text(bytes, value, end);
      if (!id.includes('\0')) this.#id = id;
    } else if (length === 5 && isWord(bytes, start, EVENT)) {
      this.#type = text(bytes, value, end);
    } else if (length === 5 && isWord(bytes, start, RETRY)) {
      const digits = text(bytes, value, end);
      if (DIGITS.test(digits)) this.#handlers.retry?.(Math.min(Number(digits), Number.MAX_SAFE_INTEGER));
    }
  }

  #addData(bytes: Buffer, start: number, end: number): void {
    if (this.#only === undefined && this.#data.length === 0) {
      this.#data.check(end - start + 1);
      this.#only = bytes;
      this.#onlyStart = start;
      this.#onlyEnd = end;
      return;
    }
    this.#keepOnly();
    this.#data.append(bytes, start, end);
    this.#data.appendByte(LF);
  }

  #keepOnly(): void {
    if (this.#only === undefined) return;
    this.#data.append(this.#only, this.#onlyStart, this.#onlyEnd);
    this.#data.appendByte(LF);
    this.#only = undefined;
  }

  #dispatch(): void {
    this.#lastEventId = this.#id;
    const type = this.#type;
    this.#type = '';
    let data: string;
    if (this.#only !== undefined) {
      data = text(this.#only, this.#onlyStart, this.#onlyEnd);
      this.#only = undefined;
    } else {
      const { length } = this.#data;
      if (length === 0) return;
      // Decoded as a whole, less the last line feed: no sequence of UTF-8 spans a line feed.
      data = text(this.#data.bytes, 0, length - 1);
      this.#data.clear();
    }
    this.#handlers.event({ type: type === '' ? MESSAGE_TYPE : type, data, lastEventId: this.#lastEventId });
  }
}

const DATA = Buffer.from('data');
const EVENT = Buffer.from('event');
const ID = Buffer.from('id');
const RETRY = Buffer.from('retry');

function isWord(bytes: Uint8Array, start: number, word: Uint8Array): boolean {
  for (let i = 0; i < word.length; i += 1) if (bytes[start + i] !== word[i]) return false;
  return true;
}

function find(bytes: Uint8Array, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? Infinity : at;
}

/** UTF-8 with U+FFFD for what is none. `Buffer` keeps byte order marks, which are ordinary characters here. */
function text(bytes: Buffer, start: number, end: number): string {
  return start >= end ? '' : bytes.toString('utf8', start, end);
}
