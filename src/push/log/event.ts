import { InvalidArgumentError, LimitExceededError } from '../../errors/index.js';
import { wellFormed } from './names.js';
import type { LogEvent } from './types.js';

/** What an event costs besides its text, for the bounds of the history. */
const OVERHEAD_BYTES = 128;

/** What a record is made of. */
export type EventFields = Omit<LogEvent, 'kind' | 'json'>;

/** An event as the log holds it. */
export class StoredEvent implements LogEvent {
  readonly kind = 'event';
  readonly stream: string;
  readonly type: string;
  readonly data: string;
  readonly origin: string;
  readonly n: number;
  readonly index: number;
  readonly time: number;
  readonly key: string | undefined;

  constructor(fields: EventFields) {
    this.stream = fields.stream;
    this.type = fields.type;
    this.data = fields.data;
    this.origin = fields.origin;
    this.n = fields.n;
    this.index = fields.index;
    this.time = fields.time;
    this.key = fields.key;
  }

  json(): unknown {
    return JSON.parse(this.data) as unknown;
  }
}

/** An event that is handed to those who follow now, and kept for nobody else. */
export class LiveEvent extends StoredEvent {
  readonly live = true;
}

/** Events of `origin` up to `n` that no pod holds any more, as an entry of the log that followers pass. */
export interface StoredLoss {
  readonly kind: 'loss';
  readonly origin: string;
  /** The number before the first one lost. */
  readonly after: number;
  /** The last one lost. */
  readonly n: number;
  /** The stream that they were of; `undefined` when nobody knows. */
  readonly stream: string | undefined;
  readonly index: number;
  readonly time: number;
}

/** A live event as an entry that only those pass who followed when it came. */
export interface StoredLive {
  readonly kind: 'live';
  readonly event: LiveEvent;
  /** That of the newest item before it. */
  readonly index: number;
  /** Counts the live events, so that those behind the same item have an order. */
  readonly place: number;
  readonly time: number;
}

/** What belongs to the history. */
export type RetainedItem = StoredEvent | StoredLoss;

/** What a log appends. */
export type StoredItem = RetainedItem | StoredLive;

/** Whether an item came before another of the same log, or is that one. */
export function notAfter(item: StoredItem, other: StoredItem): boolean {
  return item.index < other.index || (item.index === other.index && placeOf(item) <= placeOf(other));
}

function placeOf(item: StoredItem): number {
  return item.kind === 'live' ? item.place : 0;
}

/** What an item counts for in the bounds of the history. */
export function costOf(item: StoredItem): number {
  if (item.kind === 'loss') return OVERHEAD_BYTES;
  const { data, type, key } = item.kind === 'live' ? item.event : item;
  return OVERHEAD_BYTES + Buffer.byteLength(data) + type.length + (key?.length ?? 0);
}

/**
 * What travels for the data of an event: text as it is, anything else as JSON.
 *
 * @throws InvalidArgumentError for what JSON cannot express; LimitExceededError for more than `maxBytes` in UTF-8.
 */
export function textOf(data: unknown, maxBytes: number): string {
  const text = typeof data === 'string' ? wellFormed(data) : jsonOf(data);
  if (exceeds(text, maxBytes)) {
    const bytes = Buffer.byteLength(text);
    const message = `the data of an event has ${bytes} bytes, more than the ${maxBytes} that limits.maxEventBytes allows`;
    throw new LimitExceededError('maxEventBytes', message);
  }
  return text;
}

/** Whether text takes more bytes in UTF-8. */
export function exceeds(text: string, maxBytes: number): boolean {
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}

function jsonOf(data: unknown): string {
  // JSON would express them as something else, without a word.
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer || data instanceof SharedArrayBuffer) {
    throw new InvalidArgumentError('the data of an event is text or JSON: encode bytes as text, such as base64');
  }
  if (data instanceof Map || data instanceof Set) {
    throw new InvalidArgumentError('the data of an event is text or JSON: make an object or an array of a Map or Set');
  }
  let text: string | undefined;
  try {
    text = JSON.stringify(data);
  } catch (cause) {
    throw new InvalidArgumentError('the data of an event cannot be expressed in JSON', { cause });
  }
  if (text === undefined) throw new InvalidArgumentError(`the data of an event cannot be ${typeof data}`);
  return text;
}
