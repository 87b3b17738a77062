import { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { chunkOf, GZIP_HEADER, gzipTrailer, type Form, type Payload } from './payload.js';
import type { PushResponse } from './types.js';

/** Where the payloads of one response go. */
export interface Outlet {
  /** `false`: no more before `onRoom` has called. */
  write(payload: Payload): boolean;
  /** Where payloads in this form may be written past the outlet. */
  readonly socket?: Writable | undefined;
  readonly form?: Form;
  /** Bytes that were written and have not left yet; becoming fewer, they show that the client reads. */
  readonly pending: number;
  /** Calls once when there is room again. */
  onRoom(callback: () => void): void;
  /** Ends the response in order, once. */
  end(): void;
}

const FORMS: Readonly<Record<'plain' | 'chunked' | 'gzip' | 'gzipChunked', Form>> = {
  plain: { gzip: false, chunked: false },
  chunked: { gzip: false, chunked: true },
  gzip: { gzip: true, chunked: false },
  gzipChunked: { gzip: true, chunked: true },
};

// What they are before anybody replaces them.
const { write: ownWrite } = ServerResponse.prototype;

/** Whether what is written to the response goes to the client unchanged: no middleware has put its own `write` there. */
export function isUntouched(res: PushResponse): boolean {
  return res instanceof ServerResponse ? res.write === ownWrite : !Object.hasOwn(res, 'write');
}

/**
 * The socket of a response of `node:http`, when bytes may be written past it: the head is on its way, the response has its
 * turn among pipelined ones, holds nothing back, and nobody wants to see what is written.
 */
function socketBehind(res: PushResponse): Socket | undefined {
  if (!(res instanceof ServerResponse) || !isUntouched(res) || !res.headersSent) return undefined;
  const { socket } = res;
  if (socket === null || !socket.writable || res.writableEnded) return undefined;
  // The response counts how often its socket is corked as its own.
  if (res.writableCorked > socket.writableCorked) return undefined;
  // What waits in the response would be overtaken.
  return res.writableLength === socket.writableLength ? socket : undefined;
}

/** Sends everybody the same bytes, directly to the socket where that is possible. The head must have been sent. */
export class PlainOutlet implements Outlet {
  readonly #res: PushResponse;
  readonly #target: Writable;
  readonly socket: Writable | undefined;
  readonly form: Form;

  constructor(res: PushResponse, gzip = false) {
    this.#res = res;
    this.socket = socketBehind(res);
    this.#target = this.socket ?? res;
    const chunked = this.socket !== undefined && res instanceof ServerResponse && res.chunkedEncoding;
    this.form = FORMS[gzip ? (chunked ? 'gzipChunked' : 'gzip') : chunked ? 'chunked' : 'plain'];
  }

  get pending(): number {
    return this.#target.writableLength;
  }

  write(payload: Payload): boolean {
    return this.#put(payload.form(this.form));
  }

  onRoom(callback: () => void): void {
    this.#target.once('drain', callback);
  }

  end(): void {
    this.#res.end();
  }

  /** Bytes of this response alone. */
  writeOwn(bytes: Buffer): boolean {
    return this.#put(this.form.chunked ? chunkOf(bytes) : bytes);
  }

  #put(bytes: Buffer): boolean {
    const room = this.#target.write(bytes) !== false;
    if (this.#target === this.#res && !isUntouched(this.#res)) flush(this.#res);
    return room;
  }
}

/** The same with gzip around it. */
export class GzipOutlet implements Outlet {
  readonly #plain: PlainOutlet;
  #crc = 0;
  #length = 0;

  constructor(res: PushResponse) {
    this.#plain = new PlainOutlet(res, true);
    this.#plain.writeOwn(GZIP_HEADER);
  }

  get pending(): number {
    return this.#plain.pending;
  }

  write(payload: Payload): boolean {
    this.#crc = payload.crcBehind(this.#crc);
    this.#length += payload.bytes.length;
    return this.#plain.write(payload);
  }

  onRoom(callback: () => void): void {
    this.#plain.onRoom(callback);
  }

  end(): void {
    this.#plain.writeOwn(gzipTrailer(this.#crc, this.#length));
    this.#plain.end();
  }
}

/** A compression middleware keeps what it is not told to pass on. */
function flush(res: PushResponse): void {
  const method: unknown = Reflect.get(res, 'flush');
  if (typeof method === 'function') method.call(res);
}
