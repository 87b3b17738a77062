import { setTimeout as sleep } from 'node:timers/promises';
import type { SseServer } from './sse-server.js';
import type { PeerResult } from './tally.js';

/** How events are sent. */
export interface Load {
  /** Bytes of an event's data. */
  readonly size: number;
  /** Events per tick. */
  readonly burst: number;
  /** Milliseconds between ticks; 0 for one in each turn of the event loop. */
  readonly interval: number;
}

const STAMP_DIGITS = 16;

/** Broadcasts until the process ends, and measures the process. */
export class Pace {
  readonly #server: SseServer;
  readonly #load: Load;
  #ops = 0;

  constructor(server: SseServer, load: Load) {
    this.#server = server;
    this.#load = load;
  }

  /** Begins to broadcast, and resolves when the window is over: see `sse-main.ts`. */
  async measure(warmup: number, settle: number, window: number): Promise<Omit<PeerResult, 'bytes'>> {
    const { interval } = this.#load;
    const start = performance.now();
    this.#server.flood();
    this.#saturate(interval === 0 ? Infinity : start + warmup);
    await sleep(warmup + settle);
    if (interval > 0) this.#tickAt(performance.now() + interval / 2);
    const cpu = process.cpuUsage();
    const ops = this.#ops;
    const began = performance.now();
    await sleep(window);
    const { user, system } = process.cpuUsage(cpu);
    return {
      windowMs: performance.now() - began,
      ops: this.#ops - ops,
      cpuUserMs: user / 1000,
      cpuSystemMs: system / 1000,
    };
  }

  #saturate(end: number): void {
    const turn = (): void => {
      if (performance.now() >= end) return;
      this.#tick();
      setImmediate(turn);
    };
    turn();
  }

  #tickAt(time: number): void {
    setTimeout(() => {
      this.#tick();
      this.#tickAt(time + this.#load.interval);
    }, time - performance.now());
  }

  #tick(): void {
    const { size, burst } = this.#load;
    const data: string[] = [];
    for (let i = 0; i < burst; i++) {
      const stamp = `@${(process.hrtime.bigint() / 1000n).toString().padStart(STAMP_DIGITS, '0')}`;
      data.push(stamp.padEnd(size, 'x'));
    }
    this.#ops += this.#server.broadcast(data);
  }
}
