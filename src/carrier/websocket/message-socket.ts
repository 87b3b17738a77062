import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { LimitExceededError, ProtocolError } from '../../errors/index.js';
import type { Limits } from '../../limits/limits.js';
import { framingError, isOpen, toBuffer } from './framing.js';
import { originRefusal, type OriginOptions } from './origin.js';
import { Ponger } from './pings.js';
import type { Refusal } from './refusal.js';
import { chooseProtocol, completeUpgrade, problemOf } from './server-handshake.js';

/** What happens on a {@link MessageSocket}. */
export interface MessageSocketEvents {
  /** A text message came; `undefined` stands for a binary one. */
  message(text: string | undefined): void;
  /** A ping or a pong came. */
  control(): void;
  /** All that was written has left for the kernel. */
  drained(): void;
  /** The peer broke the rules of the framing; it was told, and the socket is closing. */
  violated(error: ProtocolError | LimitExceededError): void;
  /** The socket is gone. Called once. */
  closed(): void;
}

/**
 * The server's end of a WebSocket whose frames are made elsewhere, once for many sockets. `ws` receives and does the
 * closing; frames go to the socket beneath past it, which is sound because it keeps no state for sending without
 * extensions.
 */
export interface MessageSocket {
  /** Whether frames can still be sent. */
  readonly open: boolean;
  /** Bytes that the kernel has not taken yet. */
  readonly pending: number;
  /** Sends whole frames, which are not changed. */
  write(frames: Buffer): void;
  /** Closes behind what was written. The peer has `limits.closeTimeout` to answer. */
  close(code: number, reason: string): void;
  /**
   * Closes likewise a peer that is not worth listening to: nothing more is read, and it may take the close or leave it.
   * Both directions are over within `limits.closeTimeout`.
   */
  dismiss(code: number, reason: string): void;
  /** Drops the socket at once. */
  terminate(): void;
}

class UpgradedSocket implements MessageSocket {
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;

  constructor(webSocket: WebSocket, socket: Duplex) {
    this.#webSocket = webSocket;
    this.#socket = socket;
  }

  /** Call in the tick in which the WebSocket opened. */
  listen(target: MessageSocketEvents): void {
    const webSocket = this.#webSocket;
    const ponger = new Ponger((payload, sent) => {
      if (isOpen(webSocket)) webSocket.pong(payload, undefined, sent);
    });
    webSocket.on('message', (data, binary) => target.message(binary ? undefined : toBuffer(data).toString()));
    webSocket.on('ping', (payload) => {
      ponger.answer(payload);
      target.control();
    });
    webSocket.on('pong', () => target.control());
    webSocket.on('error', (error) => target.violated(framingError(error)));
    webSocket.on('close', () => target.closed());
    this.#socket.on('drain', () => target.drained());
  }

  get open(): boolean {
    return isOpen(this.#webSocket) && this.#socket.writable;
  }

  get pending(): number {
    return this.#socket.writableLength;
  }

  write(frames: Buffer): void {
    if (this.open) this.#socket.write(frames);
  }

  close(code: number, reason: string): void {
    if (isOpen(this.#webSocket)) this.#webSocket.close(code, reason);
  }

  dismiss(code: number, reason: string): void {
    this.close(code, reason);
    this.#webSocket.pause();
    this.#socket.end();
  }

  terminate(): void {
    this.#webSocket.terminate();
  }
}

/** Why a request cannot become a WebSocket: it is malformed, or a page of a stranger made a browser send it. */
export function messageRefusal(req: IncomingMessage, options: OriginOptions): Refusal | undefined {
  return problemOf(req) ?? originRefusal(req, options);
}

/** The subprotocol to answer with, `''` for a client that offers none; a refusal when it knows only others. */
export function messageProtocol(req: IncomingMessage, known: readonly string[]): string | Refusal {
  return chooseProtocol(req, known, true);
}

/**
 * Sends the 101 and makes the socket a {@link MessageSocket}, within this call; what happens on it is told to what `serve`
 * gives.
 *
 * @throws ConnectionLostError when the client went away.
 */
export function upgradeToMessages<T extends MessageSocketEvents>(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  settings: { readonly protocol: string; readonly limits: Limits },
  serve: (messages: MessageSocket) => T,
): T {
  return completeUpgrade(req, socket, head, settings, (webSocket) => {
    const messages = new UpgradedSocket(webSocket, socket);
    const target = serve(messages);
    messages.listen(target);
    return target;
  });
}
