import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../clock/clock.js';
import { InvalidArgumentError } from '../errors/index.js';
import { DEFAULT_LIMITS } from '../limits/limits.js';
import { StreamHeaders, type HeadersInit } from './headers.js';
import { failureStatus, type Status } from './status.js';

/** How {@link refuseUpgrade} answers. */
export interface RefusalOptions {
  readonly headers?: HeadersInit;
  /** Default: a Status made of code and message. */
  readonly status?: Status;
  readonly clock?: Clock;
  /** Milliseconds for the client to take the answer. Default 10,000. */
  readonly timeout?: number;
}

/**
 * Answers a request on its bare socket with an HTTP error whose body is a Kubernetes Status, and closes the socket.
 *
 * @throws InvalidArgumentError, before anything is sent, for headers outside the grammar.
 */
export function refuseUpgrade(socket: Duplex, code: number, message: string, options: RefusalOptions = {}): void {
  const body = Buffer.from(JSON.stringify(options.status ?? failureStatus(code, message)) + '\n');
  const head = responseHead(code, [
    ...new StreamHeaders(options.headers),
    ['Content-Type', 'application/json'],
    ['Content-Length', String(body.length)],
    ['Connection', 'close'],
  ]);
  absorbErrors(socket);
  if (socket.destroyed) return;
  const clock = options.clock ?? systemClock;
  const timer = clock.setTimeout(() => socket.destroy(), options.timeout ?? DEFAULT_LIMITS.upgradeTimeout);
  socket.once('close', () => timer.cancel());
  // Reading on keeps the kernel from answering unread bytes with a reset that would swallow the response.
  socket.resume();
  socket.once('end', () => socket.end());
  socket.end(Buffer.concat([head, body]));
}

/** Writes a 101 with the given headers; what follows on the socket belongs to the new protocol. */
export function writeSwitchingProtocols(socket: Duplex, upgrade: string, headers: HeadersInit = {}): void {
  const fields = new StreamHeaders(headers);
  socket.write(responseHead(101, [['Connection', 'Upgrade'], ...new StreamHeaders({ Upgrade: upgrade }), ...fields]));
}

/** An error on a socket that nobody listens to would end the process. */
export function absorbErrors(socket: Duplex): void {
  socket.on('error', () => {});
}

/** What a field value may hold on the wire. Beyond one byte, `latin1` would cut characters down to line breaks. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function responseHead(code: number, headers: Iterable<readonly [string, string]>): Buffer {
  let text = `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? 'Unknown'}\r\n`;
  for (const [name, value] of headers) {
    if (!FIELD_VALUE.test(value))
      throw new InvalidArgumentError(`header ${name} has characters that HTTP cannot carry`);
    text += `${name}: ${value}\r\n`;
  }
  return Buffer.from(`${text}\r\n`, 'latin1');
}
