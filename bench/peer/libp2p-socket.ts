import { getEventListeners, once } from 'node:events';
import type { Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { yamux } from '@chainsafe/libp2p-yamux';

type MessageStream = Parameters<ReturnType<ReturnType<typeof yamux>>['createStreamMuxer']>[0];
type Bytes = Parameters<MessageStream['send']>[0];
type Logger = MessageStream['log'];

/** Told when bytes arrive; `data` is what libp2p reads. */
class MessageEvent extends Event {
  readonly data: Bytes;

  constructor(data: Bytes) {
    super('message');
    this.data = data;
  }
}

const SILENT: Logger = Object.assign(() => {}, {
  error: () => {},
  trace: () => {},
  enabled: false,
  newScope: () => SILENT,
});

/** A socket as libp2p wants its connections, with as little in between as there can be. */
export class SocketMessageStream extends EventTarget implements MessageStream {
  status: MessageStream['status'] = 'open';
  readonly timeline: MessageStream['timeline'] = { open: Date.now() };
  readonly log: Logger = SILENT;
  readonly direction: MessageStream['direction'];
  maxReadBufferLength: number = Infinity;
  inactivityTimeout: number = Infinity;
  readonly #socket: Socket;

  constructor(socket: Socket, direction: MessageStream['direction']) {
    super();
    this.#socket = socket;
    this.direction = direction;
    socket.on('data', (data: Buffer) => this.dispatchEvent(new MessageEvent(data)));
    socket.on('drain', () => this.dispatchEvent(new Event('drain')));
    socket.on('error', () => {});
    socket.on('close', () => {
      this.status = 'closed';
      this.dispatchEvent(new Event('close'));
    });
  }

  get writableNeedsDrain(): boolean {
    return this.#socket.writableNeedDrain;
  }

  get readableEnded(): boolean {
    return this.#socket.readableEnded;
  }

  get readBufferLength(): number {
    return this.#socket.readableLength;
  }

  get writeBufferLength(): number {
    return this.#socket.writableLength;
  }

  /** Header and payload of a frame come as a list; they leave in one system call. */
  send(data: Bytes): boolean {
    if (data instanceof Uint8Array) return this.#socket.write(data);
    this.#socket.cork();
    let room = true;
    for (const part of data) room = this.#socket.write(part);
    this.#socket.uncork();
    return room;
  }

  async onDrain(): Promise<void> {
    if (this.writableNeedsDrain) await once(this.#socket, 'drain');
  }

  async close(): Promise<void> {
    this.#socket.end();
    await finished(this.#socket);
  }

  abort(error: Error): void {
    this.#socket.destroy(error);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  push(data: Bytes): void {
    this.dispatchEvent(new MessageEvent(data));
  }

  unshift(data: Bytes): void {
    this.#socket.unshift(data.subarray());
  }

  listenerCount(type: string): number {
    return getEventListeners(this, type).length;
  }

  safeDispatchEvent(type: string): boolean {
    return this.dispatchEvent(new Event(type));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    yield* this.#socket;
  }
}
