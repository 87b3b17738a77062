import type { Duplex } from 'node:stream';

/**
 * Reads a caller's socket while nobody may have its bytes yet, so that it shows when the caller goes away. What comes is
 * held, up to a limit, and then left to the kernel. A caller that has only ended its own direction still gets an answer.
 */
export class HeldSocket {
  readonly #socket: Duplex;
  readonly #limit: number;
  readonly #held: Buffer[];
  #bytes: number;
  #released = false;
  readonly #gone: () => void;
  readonly #take = (chunk: Buffer): void => {
    this.#held.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes >= this.#limit) this.#socket.pause();
  };

  /** @param gone Called when the connection is gone. */
  constructor(socket: Duplex, head: Buffer, limit: number, gone: () => void) {
    this.#socket = socket;
    this.#limit = limit;
    this.#held = head.length === 0 ? [] : [head];
    this.#bytes = head.length;
    this.#gone = gone;
    socket.on('close', gone);
    socket.on('data', this.#take);
    if (socket.destroyed) process.nextTick(gone);
    else if (this.#bytes < limit) socket.resume();
  }

  /** Whether the socket is somebody else's now. */
  get released(): boolean {
    return this.#released;
  }

  /** Stops reading, and gives out what is held. The socket is paused: resume it once something listens. */
  release(): Buffer {
    this.#released = true;
    this.#socket.off('data', this.#take).off('close', this.#gone);
    this.#socket.pause();
    return Buffer.concat(this.#held.splice(0));
  }
}
