import { InvalidArgumentError } from '../errors/index.js';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** RFC 9110, 5.5: visible characters, blanks, and bytes beyond ASCII, which `latin1` carries as they are. */
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const TARGET = /^[\x21-\x7e]+$/;
const HOST = /^[\x21-\x22\x24-\x2e\x30-\x3e\x41-\x5b\x5d-\x7e]*$/;

/** One header field, its name as it was written. */
export type Field = [name: string, value: string];

/** Whether text is a token (RFC 9110, 5.6.2): a method, or the name of a header. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** Whether text can be the value of a header. */
export function isFieldValue(text: string): boolean {
  return VALUE.test(text);
}

/** Whether text can be a Host: no blank, `/`, `?`, `#`, `@` or `\`. */
export function isHost(text: string): boolean {
  return HOST.test(text);
}

/**
 * Writes the header of a request.
 *
 * @throws InvalidArgumentError for anything that HTTP cannot carry, before a byte is sent: a line break in any of these
 * would be read as a header of its own, or as another request.
 */
export function requestText(method: string, path: string, fields: Iterable<Field>): Buffer {
  if (!isToken(method)) throw new InvalidArgumentError(`not a method: ${JSON.stringify(method)}`);
  if (!TARGET.test(path)) throw new InvalidArgumentError('the path has characters that HTTP cannot carry');
  return Buffer.from(`${method} ${path} HTTP/1.1\r\n${fieldLines(fields)}\r\n`, 'latin1');
}

/**
 * Writes the header of a response.
 *
 * @throws InvalidArgumentError as {@link requestText}.
 */
export function responseText(statusCode: number, statusMessage: string, fields: Iterable<Field>): Buffer {
  if (!isFieldValue(statusMessage)) {
    throw new InvalidArgumentError('the status has characters that HTTP cannot carry');
  }
  return Buffer.from(`HTTP/1.1 ${statusCode} ${statusMessage}\r\n${fieldLines(fields)}\r\n`, 'latin1');
}

function fieldLines(fields: Iterable<Field>): string {
  let text = '';
  for (const [name, value] of fields) {
    if (!isToken(name)) throw new InvalidArgumentError(`not a header name: ${JSON.stringify(name)}`);
    if (!isFieldValue(value)) {
      throw new InvalidArgumentError(`header ${name} has characters that HTTP cannot carry`);
    }
    if (name.toLowerCase() === 'host' && !isHost(value)) throw new InvalidArgumentError('not a Host');
    text += `${name}: ${value}\r\n`;
  }
  return text;
}
