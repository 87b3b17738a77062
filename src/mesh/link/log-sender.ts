/** Events on their way that were not acknowledged, past which a link waits. Nothing queues for it meanwhile. */
const MAX_UNACKED_EVENTS = 8_192;
const MAX_UNACKED_BYTES = 1024 * 1024;

/** Publishers wait for some seconds; nobody asks for what was skipped long before. */
const MAX_SKIPPED = 64;

/** A batch of own events, encoded once for all links that are at the same place. */
export interface Batch {
  readonly bytes: Uint8Array;
  readonly events: number;
  /** The number of the last event in it. */
  readonly through: number;
}

/** Where own events come from. */
export interface Outgoing {
  /** The number of the newest. */
  readonly newest: number;
  /** The next batch behind a number; `undefined` when there is none. */
  batchAfter(n: number): Batch | undefined;
}

/** Sends the pod's own events over one link, in order, as far as the other side keeps up. */
export class LogSender {
  readonly #outgoing: Outgoing;
  readonly #send: (bytes: Uint8Array) => boolean;
  readonly #unacked: { readonly through: number; readonly bytes: number }[] = [];
  /** The newest stretches that had left the history before they could be sent. */
  #skipped: { readonly after: number; readonly through: number }[] = [];
  #unackedBytes = 0;
  #sent = 0;
  #acked = 0;
  #started = false;
  #room = true;
  #events = 0;
  #waits = 0;
  #waiting = false;

  constructor(outgoing: Outgoing, send: (bytes: Uint8Array) => boolean) {
    this.#outgoing = outgoing;
    this.#send = send;
  }

  /** Whether it is known where to begin. */
  get started(): boolean {
    return this.#started;
  }

  /** Number of the newest event that was sent. */
  get sent(): number {
    return this.#sent;
  }

  /** Number through which the other side has them. */
  get ackedThrough(): number {
    return this.#acked;
  }

  /** Events that were sent, those that were sent again included. */
  get events(): number {
    return this.#events;
  }

  /** How many times more was to be sent than the other side would take. */
  get waits(): number {
    return this.#waits;
  }

  /** Whether the other side is too slow for more. */
  get held(): boolean {
    return !this.#room || this.#sent - this.#acked >= MAX_UNACKED_EVENTS || this.#unackedBytes >= MAX_UNACKED_BYTES;
  }

  /** Begins behind what the other side has. */
  start(after: number): void {
    this.#started = true;
    this.#sent = after;
    this.#acked = after;
    this.pump();
  }

  /** The lane has room again. */
  room(): void {
    this.#room = true;
    this.pump();
  }

  /** Sends what there is, as long as there is room. */
  pump(): void {
    if (!this.#started) return;
    while (!this.held) {
      this.#waiting = false;
      const batch = this.#outgoing.batchAfter(this.#sent);
      if (batch === undefined) return;
      if (batch.events === 0) this.#skip(this.#sent, batch.through);
      this.#sent = batch.through;
      this.#events += batch.events;
      this.#unacked.push({ through: batch.through, bytes: batch.bytes.length });
      this.#unackedBytes += batch.bytes.length;
      this.#room = this.#send(batch.bytes);
    }
    // Once for each time, whether it is found in sending or before.
    if (this.#waiting || this.#outgoing.newest <= this.#sent) return;
    this.#waiting = true;
    this.#waits += 1;
  }

  /** Whether the other side has acknowledged an event that it was sent: it may have passed one that was gone already. */
  has(n: number): boolean {
    return n <= this.#acked && !this.#skipped.some(({ after, through }) => n > after && n <= through);
  }

  acked(n: number): void {
    if (n <= this.#acked) return;
    this.#acked = Math.min(n, this.#sent);
    while (this.#unacked[0] !== undefined && this.#unacked[0].through <= n) {
      this.#unackedBytes -= this.#unacked.shift()?.bytes ?? 0;
    }
    this.pump();
  }

  #skip(after: number, through: number): void {
    this.#skipped.push({ after, through });
    if (this.#skipped.length > MAX_SKIPPED) this.#skipped.shift();
  }
}
