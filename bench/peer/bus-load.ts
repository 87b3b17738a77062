import { setTimeout as sleep } from 'node:timers/promises';
import type { Bus } from './bus.js';
import { percentiles, type PeerResult } from './tally.js';

/** How events are published. */
export interface Load {
  /** Bytes of an event's data. */
  readonly size: number;
  /** Events that are published and not acknowledged at any time. */
  readonly inFlight: number;
  /** Milliseconds between events once the warm-up is over; 0 to go on with so many in flight. */
  readonly interval: number;
}

/** What a process that publishes or follows measured. */
export type BusResult = Omit<PeerResult, 'bytes'> & {
  /** Of the pod that got the fewest. */
  readonly least?: number;
};

/** Milliseconds of rest between a warm-up at full speed and a paced load. */
const SETTLE = 500;
const STAMP_DIGITS = 16;

/** Publishes until the process ends, and measures the process for a window. */
export async function publishAndMeasure(bus: Bus, load: Load, warmup: number, window: number): Promise<BusResult> {
  const { inFlight, interval } = load;
  const padding = 'x'.repeat(Math.max(0, load.size - STAMP_DIGITS - 1));
  let ops = 0;
  const publish = async (): Promise<void> => {
    await bus.publish(stamp() + padding);
    ops += 1;
  };
  const end = interval === 0 ? Infinity : performance.now() + warmup;
  const work = async (): Promise<void> => {
    while (performance.now() < end) await publish();
  };
  const workers = Array.from({ length: inFlight }, work);
  await (interval === 0 ? sleep(warmup) : Promise.all(workers));
  if (interval > 0) {
    await sleep(SETTLE);
    tickAt(performance.now() + interval, interval, () => void publish());
  }
  return await measure(window, () => ops);
}

/** Counts what is heard. The window begins with the first event behind the warm-up. */
export class Listener {
  readonly #counts: number[];
  #times: number[] | undefined;

  constructor(bus: Bus) {
    this.#counts = bus.addresses.map(() => 0);
    bus.follow((pod, data) => {
      this.#counts[pod] = (this.#counts[pod] ?? 0) + 1;
      this.#times?.push(now() - Number(data.slice(1, STAMP_DIGITS + 1)));
    });
  }

  async measure(warmup: number, window: number, paced: boolean): Promise<BusResult> {
    await sleep(warmup + (paced ? SETTLE : 0));
    const before = [...this.#counts];
    const times: number[] = [];
    this.#times = times;
    const result = await measure(window, () => this.#counts.reduce((sum, count) => sum + count, 0));
    this.#times = undefined;
    const least = Math.min(...this.#counts.map((count, pod) => count - (before[pod] ?? 0)));
    return { ...result, least, ...percentiles(times.map((microseconds) => microseconds / 1000)) };
  }
}

async function measure(window: number, count: () => number): Promise<BusResult> {
  const cpu = process.cpuUsage();
  const ops = count();
  const began = performance.now();
  await sleep(window);
  const { user, system } = process.cpuUsage(cpu);
  const windowMs = performance.now() - began;
  return { windowMs, ops: count() - ops, cpuUserMs: user / 1000, cpuSystemMs: system / 1000 };
}

function tickAt(time: number, interval: number, tick: () => void): void {
  setTimeout(() => {
    tick();
    tickAt(time + interval, interval, tick);
  }, time - performance.now());
}

/** What each event begins with: `@` and sixteen digits. */
function stamp(): string {
  return `@${String(now()).padStart(STAMP_DIGITS, '0')}`;
}

/** Whole microseconds of the clock that all processes share. */
function now(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1e6 + Math.floor(nanoseconds / 1000);
}
