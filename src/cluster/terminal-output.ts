import { closeSync, constants, openSync, readSync } from 'node:fs';
import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { innerOf, type InnerTerminal, type PtyProcess } from './pty.js';

const READ_BYTES = 64 * 1024;
/** What is read at most after the program's end: more than a kernel keeps. A job left behind may write for ever. */
const MAX_REST = 1024 * 1024;

/**
 * Copies a terminal's output to the client, with backpressure, and to its end.
 *
 * The end needs care. When the last process lets go of the terminal, libuv takes a read that returned less than its
 * buffer for the end of everything, and a terminal returns 4 KiB at most: what is still in the kernel would be lost. So
 * this side holds the terminal open too, and after the program's end reads until the kernel says that there is no more.
 */
export class TerminalOutput {
  readonly #terminal: PtyProcess;
  readonly #sink: Writable | undefined;
  readonly #inner: InnerTerminal | undefined;
  readonly #held: number | undefined;
  #abandoned: boolean;

  constructor(terminal: PtyProcess, sink: Writable | undefined) {
    this.#terminal = terminal;
    this.#sink = sink;
    this.#abandoned = sink === undefined;
    this.#inner = innerOf(terminal);
    this.#held = this.#inner === undefined ? undefined : hold(this.#inner.path);
    terminal.onData((data) => this.#write(data));
    sink?.on('drain', () => terminal.resume());
    sink?.once('close', () => this.abandon());
  }

  /** Gives up on the client; what is left is still read, or the program would wait for ever. */
  abandon(): void {
    this.#abandoned = true;
    this.#terminal.resume();
  }

  /** The program is over. Resolves when all that it wrote is handed over; then the terminal is closed. */
  async finish(): Promise<void> {
    if (this.#inner === undefined) return;
    if (this.#held !== undefined) {
      await this.#readRest(this.#inner);
      closeSync(this.#held);
    }
    this.#inner.release();
  }

  async #readRest({ socket, fd }: InnerTerminal): Promise<void> {
    let left = MAX_REST;
    while (left > 0 && !this.#abandoned) {
      if (this.#sink?.writableNeedDrain === true) {
        await Promise.race([once(this.#sink, 'drain'), once(this.#sink, 'close')]).catch(() => {});
      } else if (socket.readableLength > 0) {
        // What libuv has read comes first.
        this.#terminal.resume();
        await new Promise(setImmediate);
      } else {
        const rest = readNow(fd);
        if (rest === undefined) return;
        left -= rest.length;
        this.#write(rest);
      }
    }
  }

  #write(data: string | Buffer): void {
    if (!this.#abandoned && this.#sink?.write(data) === false) this.#terminal.pause();
  }
}

function hold(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
  } catch {
    // The program is over already, and its terminal gone.
    return undefined;
  }
}

/** What the kernel has, without waiting; `undefined` when that is nothing. */
function readNow(fd: number): Buffer | undefined {
  const buffer = Buffer.allocUnsafe(READ_BYTES);
  try {
    const length = readSync(fd, buffer);
    return length === 0 ? undefined : buffer.subarray(0, length);
  } catch {
    // EAGAIN: empty. EIO: hung up, which comes after everything was read.
    return undefined;
  }
}
