import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import { resetCall } from './reset.js';
import type { WatchCall } from './types.js';

/** Bytes on their way, past which nothing more is taken from the log. */
const IN_FLIGHT = 128 * 1024;

/** The way out of a call: it knows how much is on its way, and when the client stopped taking it. */
export class CallOutlet {
  readonly #call: WatchCall;
  readonly #clock: Clock;
  readonly #writeTimeout: number;
  readonly #onRoom: () => void;
  readonly #stall: Alarm;
  #inFlight = 0;
  #full = false;
  /** Nothing more is written. */
  #closed = false;
  /** The call is over, in whichever way. */
  #gone = false;

  /** @param onRoom There may be room again. @param onStalled The client took nothing for `writeTimeout`. */
  constructor(call: WatchCall, clock: Clock, writeTimeout: number, onRoom: () => void, onStalled: () => void) {
    this.#call = call;
    this.#clock = clock;
    this.#writeTimeout = writeTimeout;
    this.#onRoom = onRoom;
    this.#stall = new Alarm(clock, () => {
      onStalled();
      resetCall(call);
    });
    call.on('drain', () => {
      this.#full = false;
      onRoom();
    });
    // The end waits behind what is unread too.
    call.on('finish', () => this.#forget());
    call.on('close', () => this.#forget());
    call.on('cancelled', () => this.#forget());
  }

  get hasRoom(): boolean {
    return !this.#closed && !this.#full && this.#inFlight < IN_FLIGHT;
  }

  write(bytes: Buffer): void {
    if (this.#closed) return;
    if (this.#inFlight === 0) this.#watch();
    this.#inFlight += bytes.length;
    const room = this.#call.write(bytes, () => this.#sent(bytes.length));
    if (!room) this.#full = true;
  }

  /** Ends the call, with a status other than OK when one is given, behind what was written. */
  end(status?: { readonly code: number; readonly details: string }): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#call.cancelled) return;
    this.#watch();
    if (status === undefined) this.#call.end();
    else this.#call.emit('error', status);
  }

  #sent(bytes: number): void {
    this.#inFlight -= bytes;
    if (this.#inFlight > 0) this.#watch();
    else if (!this.#closed) this.#stall.set(undefined);
    if (!this.#closed) this.#onRoom();
  }

  #watch(): void {
    if (!this.#gone) this.#stall.set(this.#clock.now() + this.#writeTimeout);
  }

  #forget(): void {
    this.#closed = true;
    this.#gone = true;
    this.#stall.cancel();
  }
}
