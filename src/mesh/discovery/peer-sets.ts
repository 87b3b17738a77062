import type { Clock, Timer } from '../../clock/clock.js';
import { deferred, type Deferred } from '../../clock/deferred.js';
import type { Peer } from './types.js';

/** Takes what a source of peers knows. */
export interface PeerSink {
  /** The whole of what is known now. */
  update(peers: readonly Peer[]): void;
}

/**
 * Asks a source until the signal aborts. Rejects when it cannot be asked even once; survives every failure after that.
 * One that has nothing more to say may resolve.
 */
export type PeerSource = (sink: PeerSink, signal: AbortSignal) => Promise<void>;

/** How sets of peers are handed out. */
export interface PeerSetOptions {
  readonly clock: Clock;
  /** Milliseconds over which changes are collected into one set; the first set does not wait. */
  readonly debounce: number;
  /** Ends the iteration, quietly. */
  readonly signal?: AbortSignal | undefined;
}

type Result = IteratorResult<readonly Peer[], undefined>;

const DONE: Result = { done: true, value: undefined };

/**
 * The sets that a source gives, as what `peers()` of a finder returns. The source is asked from the first `next` on, and
 * let go of by `return`, the signal or a failure. A reader that is slow gets the newest set only; one that asks early
 * waits until something has changed. Peers that stay as they were are the same objects from set to set.
 */
export class PeerSets implements AsyncIterableIterator<readonly Peer[], undefined> {
  readonly #source: PeerSource;
  readonly #options: PeerSetOptions;
  readonly #stop = new AbortController();
  readonly #readers: Deferred<Result>[] = [];
  readonly #onAbort = (): void => this.#end();
  #running: Promise<void> | undefined;
  #over = false;
  #failure: { readonly error: unknown } | undefined;
  /** What a reader got last. */
  #delivered: readonly Peer[] | undefined;
  /** What the next reader gets. */
  #ready: readonly Peer[] | undefined;
  /** What was known last. */
  #latest: readonly Peer[] | undefined;
  #timer: Timer | undefined;

  constructor(source: PeerSource, options: PeerSetOptions) {
    this.#source = source;
    this.#options = options;
    options.signal?.addEventListener('abort', this.#onAbort);
    if (options.signal?.aborted === true) this.#end();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#failure !== undefined) {
      const { error } = this.#failure;
      this.#failure = undefined;
      return Promise.reject(error instanceof Error ? error : new Error(String(error)));
    }
    if (this.#over) return Promise.resolve(DONE);
    this.#running ??= this.#run();
    const reader = deferred<Result>();
    this.#readers.push(reader);
    this.#hand();
    return reader.promise;
  }

  /** Lets go of the source; settles when nothing of it is left. */
  async return(): Promise<Result> {
    this.#end();
    await this.#running;
    return DONE;
  }

  async #run(): Promise<void> {
    try {
      await this.#source({ update: (peers) => this.#update(peers) }, this.#stop.signal);
    } catch (error) {
      if (this.#over) return;
      const reader = this.#readers.shift();
      if (reader === undefined) this.#failure = { error };
      else reader.reject(error);
      this.#end();
    }
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#options.signal?.removeEventListener('abort', this.#onAbort);
    this.#timer?.cancel();
    this.#stop.abort();
    for (const reader of this.#readers.splice(0)) reader.resolve(DONE);
  }

  #update(peers: readonly Peer[]): void {
    if (this.#over) return;
    const first = this.#latest === undefined;
    this.#latest = peers;
    if (first || this.#options.debounce === 0) this.#settle();
    else this.#timer ??= this.#options.clock.setTimeout(() => this.#settle(), this.#options.debounce);
  }

  #settle(): void {
    this.#timer = undefined;
    this.#ready = merged(this.#latest ?? [], this.#delivered ?? []);
    this.#hand();
  }

  #hand(): void {
    if (this.#ready === undefined || this.#readers.length === 0) return;
    const set = this.#ready;
    this.#ready = undefined;
    // What went and came back in the meantime is no change.
    if (this.#delivered !== undefined && sameObjects(set, this.#delivered)) return;
    this.#delivered = set;
    this.#readers.shift()?.resolve({ done: false, value: set });
  }
}

/** The set in one order, with the objects of the set before for the peers that stay. */
function merged(peers: readonly Peer[], before: readonly Peer[]): readonly Peer[] {
  const known = new Map(before.map((peer) => [keyOf(peer), peer]));
  const current = new Map(peers.map((peer) => [keyOf(peer), peer]));
  return [...current.keys()].toSorted().flatMap((key) => known.get(key) ?? current.get(key) ?? []);
}

function keyOf({ host, port, name, uid, self }: Peer): string {
  return JSON.stringify([host, port ?? 0, name ?? '', uid ?? '', self]);
}

function sameObjects(one: readonly Peer[], other: readonly Peer[]): boolean {
  return one.length === other.length && one.every((peer, index) => peer === other[index]);
}
