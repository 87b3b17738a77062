import type { Duplex } from 'node:stream';
import { Alarm } from '../clock/alarm.js';
import type { Clock } from '../clock/clock.js';
import { Flow } from './flow.js';

/** How {@link pump} works. All times are in milliseconds. */
export interface PumpOptions {
  readonly clock: Clock;
  /** Without a byte either way; 0 for none. */
  readonly idleTimeout: number;
  /** For a sink that takes nothing; 0 for none. */
  readonly writeTimeout: number;
  /** Without a byte after one side has ended; 0 closes both when one ends. */
  readonly halfCloseTimeout: number;
  /** For the rest to be taken once both are being closed. */
  readonly closeTimeout: number;
  /** Per direction; 0 for no cap. */
  readonly bytesPerSecond: number;
}

/** One of the two sockets, and what came from it before. */
export interface PumpEnd {
  readonly socket: Duplex;
  readonly early: Buffer;
}

/**
 * Connects two sockets until both are gone, which is when it resolves; it never rejects.
 *
 * The end of one direction is passed on and the other goes on. When a socket fails or closes, what was read of it is still
 * delivered, and then both are closed.
 */
export function pump(one: PumpEnd, other: PumpEnd, options: PumpOptions): Promise<void> {
  return new Promise((resolve) => {
    new Pump(one, other, options, resolve).start();
  });
}

class Pump {
  readonly #ends: readonly [PumpEnd, PumpEnd];
  readonly #options: PumpOptions;
  readonly #resolve: () => void;
  readonly #flows: readonly [Flow, Flow];
  readonly #idle: Alarm;
  readonly #closing: Alarm;
  #ended = 0;
  #open = 2;
  #shut = false;

  constructor(one: PumpEnd, other: PumpEnd, options: PumpOptions, resolve: () => void) {
    const { clock, bytesPerSecond, writeTimeout } = options;
    this.#ends = [one, other];
    this.#options = options;
    this.#resolve = resolve;
    this.#idle = new Alarm(clock, () => this.#destroy());
    this.#closing = new Alarm(clock, () => this.#destroy());
    const flow = (source: Duplex, sink: Duplex): Flow =>
      new Flow(
        source,
        sink,
        { clock, bytesPerSecond, writeTimeout },
        {
          active: () => this.#active(),
          ended: () => this.#endOf(source, sink),
          stalled: () => this.#destroy(),
        },
      );
    this.#flows = [flow(one.socket, other.socket), flow(other.socket, one.socket)];
  }

  start(): void {
    this.#active();
    for (const { socket } of this.#ends) {
      // The other direction goes on when one has ended.
      socket.allowHalfOpen = this.#options.halfCloseTimeout > 0;
      socket.on('error', () => {});
      if (socket.destroyed) this.#gone();
      else socket.once('close', () => this.#gone());
    }
    if (this.#shut) return;
    for (const [index, { early }] of this.#ends.entries()) this.#flows[index]?.start(early);
  }

  #active(): void {
    const { clock, idleTimeout, halfCloseTimeout } = this.#options;
    const timeout = this.#ended > 0 ? halfCloseTimeout : idleTimeout;
    if (timeout > 0 && !this.#shut) this.#idle.set(clock.now() + timeout);
  }

  #endOf(source: Duplex, sink: Duplex): void {
    this.#ended += 1;
    if (sink.writable) sink.end();
    if (this.#options.halfCloseTimeout === 0 || this.#ended === 2 || !source.writable) this.#close();
    else this.#active();
  }

  /** Ends both in good order, within a deadline. */
  #close(): void {
    if (this.#shut) return;
    this.#shut = true;
    this.#idle.cancel();
    this.#closing.set(this.#options.clock.now() + this.#options.closeTimeout);
    for (const flow of this.#flows) flow.stop();
    for (const { socket } of this.#ends) finish(socket);
  }

  #gone(): void {
    this.#open -= 1;
    this.#close();
    if (this.#open > 0) return;
    this.#closing.cancel();
    this.#resolve();
  }

  #destroy(): void {
    this.#close();
    for (const { socket } of this.#ends) socket.destroy();
  }
}

/**
 * Ends a socket once it has sent what it holds, and reads on until the other side ends too: a kernel answers bytes that
 * nobody reads with a reset, which would swallow what is on its way.
 */
function finish(socket: Duplex): void {
  if (socket.destroyed) return;
  const destroyWhenOver = (): void => {
    if (socket.writableFinished && (socket.readableEnded || !socket.readable)) socket.destroy();
  };
  socket.on('finish', destroyWhenOver).on('end', destroyWhenOver);
  socket.resume();
  if (socket.writable) socket.end();
  destroyWhenOver();
}
