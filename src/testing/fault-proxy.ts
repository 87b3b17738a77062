import { secureFraction } from '../random/secure-fraction.js';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { systemClock } from '../clock/clock.js';
import { FaultyPipe } from './faulty-pipe.js';
import type { Slicer } from './slicers.js';

/** Which way bytes go through a {@link FaultProxy}: `up` from who has connected to the target, `down` back. */
export type ProxyDirection = 'up' | 'down';

/** Where a {@link FaultProxy} connects to, and where it listens. */
export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: a free one. */
  readonly port?: number;
  /** Source of numbers in [0, 1), for jitter and flipped bits. Default: the system's. */
  readonly random?: () => number;
}

interface Passage {
  readonly client: Socket;
  readonly target: Socket;
  readonly pipes: Readonly<Record<ProxyDirection, FaultyPipe>>;
}

/**
 * A TCP relay in this process that does to connections what networks do: cuts them, swallows bytes in one direction or both,
 * makes them slow, late, cut into pieces, or damaged. Faults hold for connections that there are and for those to come.
 */
export class FaultProxy implements AsyncDisposable {
  readonly #options: FaultProxyOptions;
  readonly #server: Server;
  readonly #passages = new Set<Passage>();
  readonly #random: () => number;
  readonly #lost = new Set<ProxyDirection>();
  readonly #rates = new Map<ProxyDirection, number>();
  #delay = 0;
  #jitter = 0;
  #slicer: Slicer | undefined;
  #cut = false;
  #accepted = 0;

  constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#random = options.random ?? secureFraction;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#pass(socket));
  }

  /** Opens the port. @throws what listening throws. */
  async listen(): Promise<void> {
    const { host = '127.0.0.1', port = 0 } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
  }

  /** The port that it listens on. */
  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? (address satisfies AddressInfo).port : 0;
  }

  /** Connections that there are. */
  get connections(): number {
    return this.#passages.size;
  }

  /** Connections that there were in all, those that were refused included. */
  get accepted(): number {
    return this.#accepted;
  }

  /** Resets all connections, and each that comes. */
  cut(): void {
    this.#cut = true;
    this.reset();
  }

  /** Resets the connections that there are. */
  reset(): void {
    for (const passage of this.#passages) end(passage, true);
  }

  /**
   * Loses all bytes from now on, as a cable that was pulled: who writes does not notice, nor does anybody learn that the other
   * end has gone. A connection that has lost bytes stays so, even when all else is healed. Default: both directions.
   */
  lose(direction?: ProxyDirection): void {
    for (const one of directions(direction)) this.#lost.add(one);
    this.#apply();
  }

  /** Lets so many bytes through in a second. Default: both directions. */
  limit(bytesPerSecond: number, direction?: ProxyDirection): void {
    for (const one of directions(direction)) this.#rates.set(one, bytesPerSecond);
    this.#apply();
  }

  /** Makes bytes late by so many milliseconds, and by up to `jitter` more; they stay in order. */
  delay(milliseconds: number, jitter = 0): void {
    this.#delay = milliseconds;
    this.#jitter = jitter;
    this.#apply();
  }

  /** Passes bytes on in pieces, each written by itself. */
  slice(slicer: Slicer): void {
    this.#slicer = slicer;
    this.#apply();
  }

  /** Flips one bit of the next bytes that pass, on each connection that there is. */
  flip(direction: ProxyDirection): void {
    for (const { pipes } of this.#passages) pipes[direction].flip();
  }

  /** Ends all faults. What waits because of them passes at once. */
  heal(): void {
    this.#cut = false;
    this.#lost.clear();
    this.#rates.clear();
    this.#delay = 0;
    this.#jitter = 0;
    this.#slicer = undefined;
    this.#apply();
  }

  /** Ends all connections and the port. */
  async close(): Promise<void> {
    const closed = this.#server.listening
      ? new Promise<void>((resolve) => void this.#server.close(() => resolve()))
      : undefined;
    for (const passage of this.#passages) end(passage, false);
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #pass(client: Socket): void {
    this.#accepted += 1;
    client.on('error', () => {});
    if (this.#cut) {
      client.resetAndDestroy();
      return;
    }
    const target = connect({ ...this.#options.target, allowHalfOpen: true, noDelay: true });
    target.on('error', () => {});
    const pipes = {
      up: new FaultyPipe(client, target, systemClock, this.#random),
      down: new FaultyPipe(target, client, systemClock, this.#random),
    };
    const passage: Passage = { client, target, pipes };
    this.#passages.add(passage);
    this.#set(passage);
    for (const [own, other] of [
      [client, target],
      [target, client],
    ] as const) {
      own.on('close', () => {
        // Where bytes are lost, the end is, too.
        const pipe = own === client ? pipes.up : pipes.down;
        if (!pipe.hasLost) other.destroySoon();
        if (client.destroyed && target.destroyed) this.#passages.delete(passage);
      });
    }
  }

  #apply(): void {
    for (const passage of this.#passages) this.#set(passage);
  }

  #set({ pipes }: Passage): void {
    for (const direction of directions(undefined)) {
      pipes[direction].set({
        lost: this.#lost.has(direction),
        rate: this.#rates.get(direction) ?? Infinity,
        delay: this.#delay,
        jitter: this.#jitter,
        slicer: this.#slicer,
      });
    }
  }
}

function directions(direction: ProxyDirection | undefined): readonly ProxyDirection[] {
  return direction === undefined ? ['up', 'down'] : [direction];
}

function end({ client, target, pipes }: Passage, reset: boolean): void {
  pipes.up.close();
  pipes.down.close();
  for (const socket of [client, target]) {
    if (reset) socket.resetAndDestroy();
    else socket.destroy();
  }
}
