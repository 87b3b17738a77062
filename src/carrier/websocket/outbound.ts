/** The writing half of a WebSocket, as far as {@link Outbound} needs it. */
export interface MessageSink {
  /** Whether messages can still be sent. */
  readonly open: boolean;
  /** Bytes handed over and not yet with the kernel. */
  readonly bufferedAmount: number;
  /** `sent` is called when the message is with the kernel, or with an error when it was lost. */
  send(message: Buffer, sent: (error?: Error | null) => void): void;
}

interface Job {
  readonly channel: number;
  /** Makes the next message, or `undefined` when there is none left. */
  readonly next: () => Buffer | undefined;
  /** Size of the next message at most. */
  readonly size: () => number;
  readonly finished: () => boolean;
  readonly done: () => void;
}

// Header and mask of a frame (RFC 6455, 5.2).
const FRAME_OVERHEAD = 14;

/**
 * Shares one WebSocket between the channels that write: one message each in turn, and never more than `limit` bytes in
 * the WebSocket's own queue (or one message, if that alone is longer).
 */
export class Outbound {
  readonly #sink: MessageSink;
  readonly #limit: number;
  readonly #onSent: () => void;
  #jobs: Job[] = [];
  #pumping = false;

  /** `onSent` is called whenever a message went out to the kernel. */
  constructor(sink: MessageSink, limit: number, onSent: () => void) {
    this.#sink = sink;
    this.#limit = limit;
    this.#onSent = onSent;
  }

  /** Whether all was handed over. */
  get idle(): boolean {
    return this.#jobs.length === 0;
  }

  submit(job: Job): void {
    this.#jobs.push(job);
    this.#pump();
  }

  cancel(channel: number): void {
    this.#jobs = this.#jobs.filter((job) => job.channel !== channel);
  }

  clear(): void {
    this.#jobs = [];
  }

  #pump(): void {
    // A finished job's writer may submit its next one from within.
    if (this.#pumping) return;
    this.#pumping = true;
    for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
      if (!this.#sink.open) break;
      const buffered = this.#sink.bufferedAmount;
      if (buffered > 0 && buffered + job.size() + FRAME_OVERHEAD > this.#limit) break;
      this.#jobs.shift();
      const message = job.next();
      if (message !== undefined) this.#sink.send(message, this.#sent);
      if (job.finished()) job.done();
      else this.#jobs.push(job);
    }
    this.#pumping = false;
  }

  readonly #sent = (error?: Error | null): void => {
    // The end of the connection follows, and tells the writers.
    if (error) return;
    this.#onSent();
    this.#pump();
  };
}
