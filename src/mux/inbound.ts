import type { Duplex } from 'node:stream';
import { Alarm } from '../clock/alarm.js';
import type { Clock } from '../clock/clock.js';
import { TimeoutError, TrunklineError } from '../errors/index.js';
import type { Machine } from '../wire/machine.js';
import { checkMilliseconds, type StallPolicy } from './options.js';
import type { MuxStream } from './stream.js';

/** What the inbound side reports. */
export interface InboundEvents {
  /** Bytes arrived and were read. */
  received(now: number): void;
  /** The connection cannot go on. */
  failed(error: Error): void;
  /** A stream was left unread for the time that the policy allows. */
  stallTimeout(stream: MuxStream): void;
}

/** Settings of {@link Inbound}. */
export interface InboundSettings {
  readonly clock: Clock;
  readonly frameTimeout: number;
  readonly stallPolicy: StallPolicy;
}

function rethrow(error: unknown): never {
  throw error;
}

/** The receiving half of a connection: feeds the machine, and stops reading while somebody has to catch up. */
export class Inbound {
  readonly #socket: Duplex;
  readonly #machine: Machine<MuxStream>;
  readonly #clock: Clock;
  readonly #events: InboundEvents;
  readonly #frameTimeout: number;
  readonly #resetAfter: number | undefined;
  readonly #spare: (stream: MuxStream) => boolean;
  readonly #frameAlarm: Alarm;
  readonly #stallAlarm: Alarm;
  /** Streams that are full, with the time since when. */
  readonly #stalled = new Map<MuxStream, number>();
  #heldForOutbound = false;
  #rest: Buffer | undefined;
  #feeding = false;
  #resuming = false;
  #resumedAt = -Infinity;
  #discarding = false;

  constructor(socket: Duplex, machine: Machine<MuxStream>, settings: InboundSettings, events: InboundEvents) {
    const { clock, stallPolicy: policy } = settings;
    this.#socket = socket;
    this.#machine = machine;
    this.#clock = clock;
    this.#frameTimeout = settings.frameTimeout;
    this.#events = events;
    this.#resetAfter = policy === 'pause' ? undefined : checkMilliseconds('resetAfter', policy.resetAfter);
    this.#spare = (policy === 'pause' ? undefined : policy.spare) ?? (() => false);
    this.#frameAlarm = new Alarm(clock, () => {
      const message = `a frame was begun and not finished in ${this.#frameTimeout} ms`;
      this.#events.failed(new TimeoutError(message, this.#frameTimeout, { initiator: 'remote' }));
    });
    this.#stallAlarm = new Alarm(clock, () => this.#stallTimeout());
  }

  /** Whether reading is stopped for somebody to catch up. */
  get paused(): boolean {
    return this.#stalled.size > 0 || this.#heldForOutbound;
  }

  /** Begins to read; `head` are bytes that came before. */
  start(head: Buffer | undefined): void {
    this.#socket.on('data', (chunk: Buffer) => {
      // Paused sockets are silent; should some other kind of Duplex not be, order comes first.
      if (this.#rest === undefined) this.#feed(chunk);
      else this.#rest = Buffer.concat([this.#rest, chunk]);
    });
    if (head !== undefined && head.length > 0) {
      // Not before the caller has the connection in hand.
      this.#socket.pause();
      this.#rest = head;
      this.#resumeLater();
    }
  }

  stall(stream: MuxStream): void {
    if (this.#discarding || this.#stalled.has(stream)) return;
    this.#stalled.set(stream, this.#clock.now());
    this.#armStallAlarm();
    this.#pause();
  }

  unstall(stream: MuxStream): void {
    if (this.#stalled.size > 0 && this.#stalled.delete(stream)) this.#resumeLater();
  }

  /** Stops reading until {@link release}. */
  hold(): void {
    this.#heldForOutbound = true;
    this.#pause();
  }

  release(): void {
    if (!this.#heldForOutbound) return;
    this.#heldForOutbound = false;
    this.#resumeLater();
  }

  /** Gives what was held back to the streams, whatever their policy: nothing more will come. */
  drain(): void {
    this.#stalled.clear();
    this.#heldForOutbound = false;
    while (this.#rest !== undefined && !this.#discarding) {
      const rest = this.#rest;
      this.#rest = undefined;
      this.#feed(rest);
    }
  }

  /** Reads on, so that the peer's goodbye is seen, but drops everything. */
  discard(): void {
    this.#discarding = true;
    this.#stalled.clear();
    this.#heldForOutbound = false;
    this.#rest = undefined;
    this.#frameAlarm.cancel();
    this.#stallAlarm.cancel();
    if (!this.#socket.destroyed) this.#socket.resume();
  }

  #feed(chunk: Buffer): void {
    if (this.#discarding) return;
    const now = this.#clock.now();
    this.#feeding = true;
    let end: number;
    try {
      end = this.#machine.receive(chunk, 0, now);
    } catch (error) {
      this.#events.failed(error instanceof Error ? error : new Error(String(error)));
      // What a listener of the application threw is the application's, as on any Node stream.
      if (!(error instanceof TrunklineError)) process.nextTick(() => rethrow(error));
      return;
    } finally {
      this.#feeding = false;
    }
    if (this.#discarding) return;
    if (end < chunk.length) this.#rest = chunk.subarray(end);
    this.#events.received(now);
    this.#watchFrame();
    if (this.#rest === undefined || this.paused) return;
    // The cause has gone away inside the same chunk. The socket can have more in hand, which must not come before the rest.
    this.#socket.pause();
    this.#resumeLater();
  }

  #pause(): void {
    if (this.#feeding) this.#machine.pause();
    this.#socket.pause();
    this.#frameAlarm.set(undefined);
  }

  #resumeLater(): void {
    if (this.#resuming || this.paused || this.#discarding) return;
    this.#resuming = true;
    process.nextTick(() => {
      this.#resuming = false;
      this.#resume();
    });
  }

  #resume(): void {
    while (this.#rest !== undefined && !this.paused && !this.#discarding) {
      const rest = this.#rest;
      this.#rest = undefined;
      this.#feed(rest);
    }
    if (this.paused || this.#discarding) return;
    this.#resumedAt = this.#clock.now();
    this.#watchFrame();
    this.#socket.resume();
  }

  /** A frame that was begun has to arrive in time; time in which we did not read does not count. */
  #watchFrame(): void {
    const began = this.#machine.frameBegan;
    const running = began !== undefined && !this.paused;
    this.#frameAlarm.set(running ? Math.max(began, this.#resumedAt) + this.#frameTimeout : undefined);
  }

  #armStallAlarm(): void {
    if (this.#resetAfter === undefined) return;
    let first = Infinity;
    for (const since of this.#stalled.values()) first = Math.min(first, since);
    this.#stallAlarm.set(first + this.#resetAfter);
  }

  #stallTimeout(): void {
    if (this.#resetAfter === undefined) return;
    const now = this.#clock.now();
    for (const [stream, since] of this.#stalled) {
      if (now - since < this.#resetAfter) continue;
      if (this.#spare(stream)) this.#stalled.set(stream, now);
      else this.#events.stallTimeout(stream);
    }
    this.#armStallAlarm();
  }
}
