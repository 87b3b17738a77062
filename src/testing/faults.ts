import { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../clock/clock.js';
import { slices, wholeChunks, type Slicer } from './slicers.js';

/** Which way bytes go, seen from the end that is wrapped. */
export type FaultDirection = 'incoming' | 'outgoing';

/** Settings of {@link FaultyDuplex}. */
export interface FaultOptions {
  /** How incoming bytes are cut. Default: not at all. */
  readonly slicer?: Slicer;
  /** Milliseconds by which incoming bytes are late. Default 0. */
  readonly delay?: number;
  /** The clock of `delay`. Default: that of the process. */
  readonly clock?: Clock;
}

/** Wraps one end of a connection, of any kind, and does to it what networks do. */
export class FaultyDuplex extends Duplex {
  readonly #inner: Duplex;
  readonly #slicer: Slicer;
  readonly #delay: number;
  readonly #clock: Clock;
  readonly #stalled = new Set<FaultDirection>();
  readonly #lost = new Set<FaultDirection>();
  #heldWrite: (() => void) | undefined;

  constructor(inner: Duplex, options: FaultOptions = {}) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#slicer = options.slicer ?? wholeChunks;
    this.#delay = options.delay ?? 0;
    this.#clock = options.clock ?? systemClock;
    inner.on('data', (chunk: Buffer) => this.#late(() => this.#incoming(chunk)));
    inner.on('end', () => this.#late(() => this.push(null)));
    inner.on('error', (error) => this.destroy(error));
    inner.on('close', () => {
      if (!inner.readableEnded) this.destroy();
    });
  }

  /** Stops the flow: incoming bytes are not read any more, outgoing writes do not finish. Default: both directions. */
  stall(direction?: FaultDirection): void {
    for (const one of directions(direction)) this.#stalled.add(one);
    if (this.#stalled.has('incoming')) this.#inner.pause();
  }

  /** Ends a {@link stall}. */
  release(direction?: FaultDirection): void {
    for (const one of directions(direction)) this.#stalled.delete(one);
    if (!this.#stalled.has('incoming')) this.#inner.resume();
    if (!this.#stalled.has('outgoing')) {
      const held = this.#heldWrite;
      this.#heldWrite = undefined;
      held?.();
    }
  }

  /** Loses all bytes from now on, as a cable that was pulled: writes seem to succeed. Default: both directions. */
  lose(direction?: FaultDirection): void {
    for (const one of directions(direction)) this.#lost.add(one);
  }

  /** Breaks the connection, without an end. */
  reset(): void {
    const inner = this.#inner;
    if ('resetConnection' in inner && typeof inner.resetConnection === 'function') inner.resetConnection();
    else if ('resetAndDestroy' in inner && typeof inner.resetAndDestroy === 'function') inner.resetAndDestroy();
    else inner.destroy();
    this.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
  }

  override _read(): void {
    if (!this.#stalled.has('incoming')) this.#inner.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    const send = (): void => {
      if (this.#lost.has('outgoing')) callback();
      else this.#inner.write(chunk, callback);
    };
    if (this.#stalled.has('outgoing')) this.#heldWrite = send;
    else send();
  }

  override _final(callback: (error?: Error | null) => void): void {
    if (this.#lost.has('outgoing')) callback();
    else this.#inner.end(callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#inner.destroy();
    callback(error);
  }

  #incoming(chunk: Buffer): void {
    if (this.destroyed || this.#lost.has('incoming')) return;
    let room = true;
    for (const piece of slices(chunk, this.#slicer)) {
      if (this.destroyed) return;
      room = this.push(piece);
    }
    if (!room) this.#inner.pause();
  }

  #late(action: () => void): void {
    if (this.#delay > 0) this.#clock.setTimeout(action, this.#delay);
    else action();
  }
}

function directions(direction: FaultDirection | undefined): readonly FaultDirection[] {
  return direction === undefined ? ['incoming', 'outgoing'] : [direction];
}
