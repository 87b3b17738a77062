import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Timer } from '../clock/clock.js';
import { BodyReader } from './body-reader.js';
import type { BackendAnswer } from './exchange.js';
import { responseFields } from './fields.js';
import type { ProxySettings } from './options.js';
import { responseText, type Field } from './request-text.js';

const LAST_CHUNK = '0\r\n\r\n';

/**
 * Passes a backend's refusal on to the caller, within `refusalTimeout`, and closes both sockets. Nothing goes the other
 * way: a backend that did not upgrade must not see a byte more of the caller (CVE-2018-1002105). Resolves when both are
 * gone.
 *
 * @throws ProtocolError, before anything is sent, for an answer whose end cannot be known.
 */
export function replayRefusal(
  req: IncomingMessage,
  socket: Duplex,
  answer: BackendAnswer,
  settings: ProxySettings,
): Promise<void> {
  const body = new BodyReader(answer.head, req.method ?? 'GET');
  const chunked = body.framing === 'chunked' && req.httpVersion === '1.1';
  const head = headOf(answer, body, chunked);
  return new Promise((resolve) => {
    new Replay(socket, answer.socket, body, chunked, settings, resolve).start(head, answer.rest);
  });
}

function headOf({ head }: BackendAnswer, body: BodyReader, chunked: boolean): Buffer {
  const fields = responseFields(head.fields).filter(
    ([name]) => name.toLowerCase() !== 'content-length' || body.framing === 'none',
  );
  const framing: Field[] = [];
  if (body.framing === 'length') framing.push(['Content-Length', String(body.length)]);
  if (chunked) framing.push(['Transfer-Encoding', 'chunked']);
  return responseText(head.statusCode, head.statusMessage, [...fields, ...framing, ['Connection', 'close']]);
}

class Replay {
  readonly #socket: Duplex;
  readonly #backend: Duplex;
  readonly #body: BodyReader;
  readonly #chunked: boolean;
  readonly #settings: ProxySettings;
  readonly #resolve: () => void;
  #timer: Timer;
  #over = false;

  constructor(
    socket: Duplex,
    backend: Duplex,
    body: BodyReader,
    chunked: boolean,
    settings: ProxySettings,
    resolve: () => void,
  ) {
    this.#socket = socket;
    this.#backend = backend;
    this.#body = body;
    this.#chunked = chunked;
    this.#settings = settings;
    this.#resolve = resolve;
    this.#timer = settings.clock.setTimeout(() => this.#cut(), settings.refusalTimeout);
  }

  start(head: Buffer, rest: Buffer): void {
    const socket = this.#socket;
    const backend = this.#backend;
    if (socket.destroyed) return this.#gone();
    socket.once('close', () => this.#gone());
    socket.on('drain', () => backend.resume());
    backend.on('data', (chunk: Buffer) => this.#take(chunk));
    backend.once('end', () => this.#finish());
    backend.once('close', () => this.#finish());
    socket.write(head);
    this.#take(rest);
    if (backend.destroyed || backend.readableEnded) this.#finish();
    else if (!this.#over && !socket.writableNeedDrain) backend.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#over) return;
    const socket = this.#socket;
    try {
      for (const piece of this.#body.push(chunk)) {
        if (this.#chunked) socket.write(`${piece.length.toString(16)}\r\n`, 'latin1');
        socket.write(piece);
        if (this.#chunked) socket.write('\r\n', 'latin1');
      }
    } catch {
      return this.#cut();
    }
    if (this.#body.done) this.#finish();
    else if (socket.writableNeedDrain) this.#backend.pause();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    const { framing, done } = this.#body;
    const backend = this.#backend;
    const whole = done || (framing === 'close' && backend.readableEnded);
    backend.destroy();
    // Where only the end of the connection ends a body, one that broke off would look whole.
    if (!whole && framing === 'close') return this.#cut();
    const socket = this.#socket;
    if (this.#chunked && done) socket.write(LAST_CHUNK, 'latin1');
    const { clock, limits } = this.#settings;
    this.#timer.cancel();
    this.#timer = clock.setTimeout(() => this.#cut(), limits.closeTimeout);
    socket.once('end', () => socket.destroy());
    socket.end();
    // Bytes that nobody reads would make the kernel answer with a reset, which swallows the response.
    socket.resume();
    if (socket.readableEnded) socket.once('finish', () => socket.destroy());
  }

  #cut(): void {
    this.#over = true;
    this.#backend.destroy();
    const socket = this.#socket;
    if ('resetAndDestroy' in socket && typeof socket.resetAndDestroy === 'function') socket.resetAndDestroy();
    else socket.destroy();
  }

  #gone(): void {
    this.#over = true;
    this.#timer.cancel();
    this.#backend.destroy();
    this.#resolve();
  }
}
