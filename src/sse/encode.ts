import { InvalidArgumentError } from '../errors/index.js';
import { MESSAGE_TYPE } from './parser.js';

/** What {@link encodeEvent} writes. Without `data` no event reaches a client, but the other fields do their work. */
export interface EncodableEvent {
  /** May hold any line ends; they arrive as line feeds. */
  readonly data?: string | undefined;
  /** Type of the event. `message` and the empty string mean the same and are not written. */
  readonly event?: string | undefined;
  /** The id to resume from; empty resets it. */
  readonly id?: string | undefined;
  /** Reconnection time for the client, a whole number of milliseconds. */
  readonly retry?: number | undefined;
  /** Comes first, as one comment per line. */
  readonly comment?: string | undefined;
}

const LINE_END = /\r\n|\r|\n/;
const FORBIDDEN = /[\0\r\n]/;

/**
 * The text of one block of an event stream, with the empty line that ends it, to be sent as UTF-8.
 *
 * Every field name is followed by one space, so that values keep their own first space; half surrogate pairs become
 * U+FFFD on the wire. Written for hostile values: nothing in one can start a second event or a second field.
 *
 * @throws InvalidArgumentError for CR, LF or NUL in `event` or `id`, a `retry` that is no whole number from 0, a field of
 * the wrong type, or an event with nothing in it.
 */
export function encodeEvent(event: EncodableEvent): string {
  const { data, event: type, id, retry, comment } = event;
  if (data === undefined && id === undefined && retry === undefined && comment === undefined) {
    throw new InvalidArgumentError('an event needs data, id, retry or comment');
  }
  let block = '';
  if (comment !== undefined) block += lines(': ', 'comment', comment);
  if (retry !== undefined) {
    if (!Number.isSafeInteger(retry) || retry < 0) {
      throw new InvalidArgumentError(`retry must be a whole number of milliseconds from 0, not ${String(retry)}`);
    }
    block += `retry: ${retry}\n`;
  }
  if (id !== undefined) block += `id: ${oneLine('id', id)}\n`;
  if (type !== undefined && oneLine('event', type) !== '' && type !== MESSAGE_TYPE) block += `event: ${type}\n`;
  if (data !== undefined) block += lines('data: ', 'data', data);
  return `${block}\n`;
}

function lines(prefix: string, field: string, value: string): string {
  if (typeof value !== 'string') throw new InvalidArgumentError(`${field} must be text`);
  if (!value.includes('\n') && !value.includes('\r')) return `${prefix}${value}\n`;
  let block = '';
  for (const line of value.split(LINE_END)) block += `${prefix}${line}\n`;
  return block;
}

function oneLine(field: string, value: string): string {
  if (typeof value !== 'string') throw new InvalidArgumentError(`${field} must be text`);
  if (FORBIDDEN.test(value)) throw new InvalidArgumentError(`${field} must not contain CR, LF or NUL`);
  return value;
}
