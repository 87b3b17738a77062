import type { Duplex } from 'node:stream';
import type { WebSocketConstructor, WebSocketLike } from '../../../src/browser/index.js';
import { duplexPair } from '../../../src/testing/index.js';

/** A WebSocket whose other end is a byte stream in this process; its network stops and goes on when told. */
export class FakeWebSocket extends EventTarget implements WebSocketLike {
  binaryType = 'blob';
  protocol = '';
  bufferedAmount = 0;
  readonly url: string;
  readonly offered: readonly string[];
  /** Sizes of the messages sent. */
  readonly messages: number[] = [];
  /** What the peer's end reads and writes. */
  readonly peer: Duplex;
  /** Whether `close` was called, and with which code. */
  closed: boolean = false;
  closeCode: number | undefined;
  readonly #end: Duplex;
  #held: Uint8Array[] | undefined;
  #gone = false;

  constructor(url: string, protocols: readonly string[]) {
    super();
    this.url = url;
    this.offered = protocols;
    [this.#end, this.peer] = duplexPair({ highWaterMark: 16 * 1024 * 1024 });
    this.#end.on('data', (chunk: Buffer) => this.receive(Uint8Array.from(chunk).buffer));
    this.#end.on('end', () => this.closes(1000, '', true));
    this.#end.on('error', () => this.closes(1006, '', false));
  }

  /** The handshake succeeds. */
  open(protocol: string = this.offered[0] ?? ''): void {
    this.protocol = protocol;
    this.dispatchEvent(new Event('open'));
  }

  /** A message comes. */
  receive(data: unknown): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }

  /** It is closed. */
  closes(code: number, reason: string, wasClean: boolean): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#end.destroy();
    this.dispatchEvent(Object.assign(new Event('close'), { code, reason, wasClean }));
  }

  send(data: Uint8Array<ArrayBuffer>): void {
    this.messages.push(data.length);
    this.bufferedAmount += data.length;
    if (this.#held === undefined) this.#handOn([Uint8Array.from(data)]);
    else this.#held.push(Uint8Array.from(data));
  }

  close(code?: number): void {
    if (this.closed) return;
    this.closed = true;
    this.closeCode = code;
    // As far as a network that is stopped lets it.
    if (this.#held === undefined && !this.#end.destroyed) this.#end.end();
  }

  /** From now on nothing is handed on. */
  hold(): void {
    this.#held = [];
  }

  /** Hands on what was held back, and goes on. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#handOn(held);
  }

  #handOn(messages: readonly Uint8Array[]): void {
    for (const message of messages) {
      if (this.#end.destroyed) return;
      this.#end.write(message, () => {
        this.bufferedAmount -= message.length;
      });
    }
  }
}

/** A constructor for `connectWebSocket`, and what it made. */
export function fakeWebSockets(made: (socket: FakeWebSocket) => void): WebSocketConstructor {
  return class extends FakeWebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols);
      made(this);
    }
  };
}
