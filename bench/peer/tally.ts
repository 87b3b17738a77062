import { setTimeout as sleep } from 'node:timers/promises';

/** What one end measured in its window, as `bench/go` prints it too. CPU times are of this process alone. */
export interface PeerResult {
  readonly windowMs: number;
  readonly bytes: number;
  readonly ops: number;
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** Median of the round trip times, where the client measured some. */
  readonly p50Ms?: number;
  /** 99th percentile of them. */
  readonly p99Ms?: number;
}

/** Counts what has passed since the start of the process. */
export class Tally {
  bytes = 0;
  /** Messages or exchanges. */
  ops = 0;
  readonly #size: number;
  readonly #roundTrips: number[] = [];
  #part = 0;

  /** @param size bytes of one message. */
  constructor(size: number) {
    this.#size = size;
  }

  /** Counts received bytes; a message counts when all of it is there. */
  received(bytes: number): void {
    this.bytes += bytes;
    const whole = this.#part + bytes;
    this.#part = whole % this.#size;
    this.ops += (whole - this.#part) / this.#size;
  }

  /** Counts a message that came back after so many milliseconds. */
  roundTrip(bytes: number, milliseconds: number): void {
    this.bytes += bytes;
    this.ops++;
    this.#roundTrips.push(milliseconds);
  }

  /** Lets the warm-up pass, then the window, and returns what happened in the window. */
  async measure(warmup: number, window: number): Promise<PeerResult> {
    await sleep(warmup);
    const cpu = process.cpuUsage();
    const { bytes, ops } = this;
    const trips = this.#roundTrips.length;
    const start = performance.now();
    await sleep(window);
    const { user, system } = process.cpuUsage(cpu);
    return {
      windowMs: performance.now() - start,
      bytes: this.bytes - bytes,
      ops: this.ops - ops,
      cpuUserMs: user / 1000,
      cpuSystemMs: system / 1000,
      ...percentiles(this.#roundTrips.slice(trips)),
    };
  }
}

/** The median and the 99th percentile; neither of nothing. */
export function percentiles(values: readonly number[]): { p50Ms?: number; p99Ms?: number } {
  const sorted = values.toSorted((a, b) => a - b);
  const [p50Ms, p99Ms] = [0.5, 0.99].map((share) => sorted[Math.floor(share * sorted.length)]);
  return p50Ms === undefined || p99Ms === undefined ? {} : { p50Ms, p99Ms };
}
