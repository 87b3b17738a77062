import type { Duplex } from 'node:stream';
import { Alarm } from '../clock/alarm.js';
import type { Clock, Timer } from '../clock/clock.js';
import { ByteBudget } from './byte-budget.js';

/** What one direction of a {@link pump} tells. */
export interface FlowEvents {
  /** Bytes passed. */
  active(): void;
  /** The source ended, and everything it sent was handed to the sink. */
  ended(): void;
  /** The sink took nothing for the write timeout. */
  stalled(): void;
}

export interface FlowOptions {
  readonly clock: Clock;
  /** Bytes per second; 0 for no cap. */
  readonly bytesPerSecond: number;
  /** Milliseconds; 0 for none. */
  readonly writeTimeout: number;
}

/**
 * One direction between two sockets. Holds one chunk at most, and only under a rate cap: otherwise a source waits while
 * its sink is full.
 */
export class Flow {
  readonly #source: Duplex;
  readonly #sink: Duplex;
  readonly #events: FlowEvents;
  readonly #clock: Clock;
  readonly #budget: ByteBudget | undefined;
  readonly #stall: Alarm;
  readonly #writeTimeout: number;
  #pending: Buffer | undefined;
  #timer: Timer | undefined;
  #full = false;
  #sourceEnded = false;
  #stopped = false;

  constructor(source: Duplex, sink: Duplex, options: FlowOptions, events: FlowEvents) {
    this.#source = source;
    this.#sink = sink;
    this.#events = events;
    this.#clock = options.clock;
    this.#writeTimeout = options.writeTimeout;
    this.#budget = options.bytesPerSecond > 0 ? new ByteBudget(options.bytesPerSecond, options.clock.now()) : undefined;
    this.#stall = new Alarm(options.clock, () => events.stalled());
  }

  /** Sends what came early, then starts reading. */
  start(early: Buffer): void {
    this.#source.on('data', this.#take).on('end', this.#end);
    this.#sink.on('drain', this.#drained);
    if (early.length > 0) this.#take(early);
    if (this.#source.readableEnded) this.#end();
    this.#readOn();
  }

  /** Lets go of both sockets. What a rate cap held back is sent at once. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#source.off('data', this.#take).off('end', this.#end);
    this.#sink.off('drain', this.#drained);
    this.#timer?.cancel();
    this.#stall.cancel();
    if (this.#pending !== undefined && this.#sink.writable) this.#sink.write(this.#pending);
    this.#pending = undefined;
  }

  readonly #take = (chunk: Buffer): void => {
    this.#events.active();
    if (this.#budget === undefined) {
      this.#write(chunk);
    } else {
      this.#pending = this.#pending === undefined ? chunk : Buffer.concat([this.#pending, chunk]);
      this.#release();
    }
    if (this.#full || this.#pending !== undefined) this.#source.pause();
  };

  readonly #end = (): void => {
    this.#sourceEnded = true;
    if (this.#pending === undefined) this.#events.ended();
  };

  readonly #drained = (): void => {
    this.#full = false;
    this.#stall.set(undefined);
    this.#events.active();
    this.#release();
    this.#readOn();
  };

  #write(bytes: Buffer): void {
    if (!this.#sink.writable || this.#sink.write(bytes)) return;
    this.#full = true;
    if (this.#writeTimeout > 0) this.#stall.set(this.#clock.now() + this.#writeTimeout);
  }

  /** Sends as much of what is held back as the budget has. */
  #release(): void {
    const budget = this.#budget;
    if (budget === undefined || this.#pending === undefined || this.#full || this.#timer !== undefined) return;
    const pending = this.#pending;
    const length = budget.take(pending.length, this.#clock.now());
    this.#pending = length === pending.length ? undefined : pending.subarray(length);
    if (length > 0) {
      this.#events.active();
      this.#write(pending.subarray(0, length));
    }
    if (this.#pending === undefined) {
      if (this.#sourceEnded) this.#events.ended();
      return;
    }
    if (this.#full) return;
    this.#timer = this.#clock.setTimeout(() => {
      this.#timer = undefined;
      this.#release();
      this.#readOn();
    }, budget.delay(this.#pending.length));
  }

  #readOn(): void {
    if (!this.#stopped && !this.#full && this.#pending === undefined) this.#source.resume();
  }
}
