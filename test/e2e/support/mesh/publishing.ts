import { EventEmitter, once } from 'node:events';
import { Agent, request } from 'node:http';
import type { MissingRange } from '../../../../src/push/log/types.js';
import type { PublishedTable } from './messages.js';

/** Milliseconds before a pod that could not take an event is passed over for another. */
const RETRY_PAUSE = 25;
const ATTEMPTS = 400;

/** How events are published. */
export interface PublishingOptions {
  /** Base URLs of the pods that take events now. */
  readonly targets: () => readonly string[];
  readonly streams: readonly string[];
  readonly random: () => number;
  /**
   * Whether events have keys, so that one whose answer was lost is published again without becoming two. Without keys it
   * stays unknown, and nobody promises anything of it.
   */
  readonly keys: boolean;
  /** Events per second; the time that they take is spread evenly. */
  readonly rate: number;
  /** Pods that must have an event, its own included, for it to be required of every client. */
  readonly copies: number;
}

/** What became of the events, in numbers. */
export interface PublishingCounts {
  readonly published: number;
  /** Acknowledged by enough pods. */
  readonly acknowledged: number;
  /** Answered, but not acknowledged by enough pods. */
  readonly weak: number;
  /** Without an answer. */
  readonly unknown: number;
  /** Requests that were made again. */
  readonly retries: number;
}

interface Answer {
  readonly origin: string;
  readonly n: number;
  readonly acks: number;
  readonly acknowledged?: boolean;
  readonly error?: string;
}

/** Publishes events, one by one or in batches, to random pods. The data of an event begins with its index. */
export class Publishing {
  readonly #options: PublishingOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  readonly #origins: string[] = [];
  readonly #origin: number[] = [];
  readonly #n: number[] = [];
  readonly #required: number[] = [];
  readonly #progress = new EventEmitter();
  #next = 0;
  #retries = 0;
  #weak = 0;
  #slowest = 0;

  constructor(options: PublishingOptions) {
    this.#options = options;
  }

  /** What was published so far. */
  get table(): PublishedTable {
    return { origin: this.#origin, n: this.#n, required: this.#required };
  }

  get counts(): PublishingCounts {
    return {
      published: this.#next,
      acknowledged: this.#required.filter((required) => required === 1).length,
      weak: this.#weak,
      unknown: this.#origin.filter((origin) => origin === -1).length,
      retries: this.#retries,
    };
  }

  /** Pods, or rather runs of pods, that took events. */
  get origins(): readonly string[] {
    return this.#origins;
  }

  /** Settles when so many events were published, or are about to be. */
  async reached(count: number): Promise<void> {
    while (this.#next < count) await once(this.#progress, 'progress');
  }

  /** Milliseconds of the request that took longest. */
  get slowest(): number {
    return this.#slowest;
  }

  /** Whether a gap names an event that was acknowledged. The gap is told as JSON. */
  wasPromised(gap: string): boolean {
    const { missing } = JSON.parse(gap) as { readonly missing: readonly MissingRange[] };
    return missing.some(({ origin, after, through = Infinity }) => {
      const from = this.#origins.indexOf(origin);
      return this.#n.some(
        (n, index) => this.#origin[index] === from && this.#required[index] === 1 && n > after && n <= through,
      );
    });
  }

  /** Publishes `count` events; settles when all were answered or given up. */
  async publish(count: number, concurrency = 24): Promise<void> {
    const { random, rate } = this.#options;
    const began = performance.now();
    const first = this.#next;
    const last = first + count;
    const publisher = async (): Promise<void> => {
      while (this.#next < last) {
        const size = random() < 0.6 ? 1 : 2 + Math.floor(random() * 19);
        const indexes = Array.from({ length: Math.min(size, last - this.#next) }, () => this.#take());
        await pause(began + ((this.#next - first) / rate) * 1_000 - performance.now());
        await this.#publishAll(indexes);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, publisher));
  }

  /** Publishes until something else is done, `least` events at least. */
  async publishDuring(least: number, other: Promise<unknown>): Promise<void> {
    const during = { over: false };
    const ended = other.finally(() => (during.over = true));
    const publishing = async (): Promise<void> => {
      await this.publish(least);
      while (!during.over) await this.publish(least / 50);
    };
    await Promise.all([ended, publishing()]);
  }

  /** Publishes one event on each pod, behind which no other event comes. */
  async publishLast(): Promise<void> {
    for (const target of this.#options.targets()) await this.#publishAll([this.#take()], target);
  }

  close(): void {
    this.#agent.destroy();
  }

  #take(): number {
    const index = this.#next++;
    this.#origin[index] = -1;
    this.#n[index] = 0;
    this.#required[index] = 0;
    this.#progress.emit('progress');
    return index;
  }

  /** Until each event has an answer, or cannot have one. */
  async #publishAll(indexes: readonly number[], target?: string): Promise<void> {
    const { keys } = this.#options;
    let left = indexes;
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt > ATTEMPTS) throw new Error(`no pod takes events ${left.join(', ')}`);
      if (attempt > 0) {
        this.#retries += 1;
        await pause(RETRY_PAUSE);
      }
      const began = performance.now();
      const outcome = await this.#post(left, target ?? this.#choose());
      this.#slowest = Math.max(this.#slowest, Math.round(performance.now() - began));
      if (outcome === 'unknown' && !keys) return;
      if (outcome === 'refused' || outcome === 'unknown') continue;
      left = left.filter((index, at) => !this.#note(index, outcome[at]));
    }
  }

  #choose(): string {
    const targets = this.#options.targets();
    return targets[Math.floor(this.#options.random() * targets.length)] ?? '';
  }

  /** False when the event was not published. */
  #note(index: number, answer: Answer | undefined): boolean {
    if (answer === undefined || answer.error !== undefined) return false;
    let origin = this.#origins.indexOf(answer.origin);
    if (origin === -1) origin = this.#origins.push(answer.origin) - 1;
    this.#origin[index] = origin;
    this.#n[index] = answer.n;
    const enough = answer.acknowledged !== false && answer.acks >= this.#options.copies;
    if (enough) this.#required[index] = 1;
    else this.#weak += 1;
    return true;
  }

  /** `refused`: nothing was published. `unknown`: nobody can tell. */
  #post(indexes: readonly number[], target: string): Promise<readonly Answer[] | 'refused' | 'unknown'> {
    const { streams, keys } = this.#options;
    const events = indexes.map((index) => ({
      stream: streams[index % streams.length],
      data: `${index} ${'of what everybody gets '.repeat(index % 7)}`,
      ...(keys ? { key: `event-${index}` } : {}),
    }));
    const [only] = events;
    const single = events.length === 1 && only !== undefined ? only : undefined;
    const query =
      single === undefined
        ? 'batch=true'
        : new URLSearchParams({
            stream: String(single.stream),
            ...(keys ? { key: String(single.key) } : {}),
          }).toString();
    const body = single === undefined ? events.map((event) => JSON.stringify(event)).join('\n') : single.data;
    const type = single === undefined ? 'application/x-ndjson' : 'text/plain';
    return new Promise((resolve, reject) => {
      const req = request(`${target}/publish?${query}`, {
        method: 'POST',
        agent: this.#agent,
        headers: { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) },
      });
      req.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'unknown'));
      req.on('response', (res) => {
        let text = '';
        res.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        res.on('error', () => resolve('unknown'));
        res.on('end', () => {
          if (!res.complete) return resolve('unknown');
          const answer = JSON.parse(text) as Answer & { readonly events?: readonly Answer[] };
          if (answer.events !== undefined) return resolve(answer.events);
          if (res.statusCode === 200 || res.statusCode === 504) return resolve([answer]);
          if (res.statusCode === 503) return resolve('refused');
          reject(new Error(`${target} answered ${String(res.statusCode)}: ${text}`));
        });
      });
      req.end(body);
    });
  }
}

async function pause(milliseconds: number): Promise<void> {
  if (milliseconds < 1) return;
  await new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
