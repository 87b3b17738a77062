import { Alarm } from '../../clock/alarm.js';
import type { Clock } from '../../clock/clock.js';
import { ConnectionLostError, TimeoutError, TrunklineError } from '../../errors/index.js';
import { Backoff, type BackoffBounds } from '../../mesh/discovery/backoff.js';
import { pause } from '../../mesh/discovery/pause.js';
import { KubernetesAPIError } from '../api-error.js';
import type { APIClient } from './api-client.js';
import type { Fields } from './fields.js';
import { listObjects, type Selection } from './list.js';
import { openWatch, type WatchEvent } from './watch.js';

/** Seconds that a watch is asked to last at least, and at most twice as long (client-go `reflector.go`). */
const WATCH_SECONDS = 300;

/** Objects as the API server has them. */
export interface ObjectSink {
  /** These objects are all there are. */
  replace(objects: readonly Fields[]): void;
  /** One is new or has changed. */
  put(object: Fields): void;
  /** One is gone; this is its last state. */
  remove(object: Fields): void;
}

/** How a {@link Reflector} works. Durations are in milliseconds. */
export interface ReflectorOptions {
  readonly relistPeriod: number;
  readonly silenceTimeout: number;
  readonly requestTimeout: number;
  readonly retry: BackoffBounds;
  readonly maxObjects: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly onError: (error: unknown) => void;
}

/** Why a watch is given up on purpose. */
class RelistDueError extends Error {}

/**
 * Keeps a sink in step with objects of the API: a list, then watches from its version on, and a list again when a watch
 * cannot be trusted to tell everything.
 *
 * - A watch that ends or breaks goes on from the newest version seen.
 * - HTTP 410, an ERROR event, a refused or unreadable watch forget the version: a list follows.
 * - So does silence: bookmarks are asked for, and come about every minute from a server that is alive.
 * - Every `relistPeriod` a list follows whatever the watch says.
 * - Between any two attempts lies a wait with jitter, which grows unless a watch lasted longer than the wait before it.
 *
 * Source of the order of things: client-go `tools/cache/reflector.go`.
 */
export class Reflector {
  readonly #api: APIClient;
  readonly #selection: () => Promise<Selection>;
  readonly #sink: ObjectSink;
  readonly #options: ReflectorOptions;
  /** When the watch began that is under way, or was last. */
  #begunAt: number | undefined;

  constructor(api: APIClient, selection: () => Promise<Selection>, sink: ObjectSink, options: ReflectorOptions) {
    this.#api = api;
    this.#selection = selection;
    this.#sink = sink;
    this.#options = options;
  }

  /** Runs until the signal aborts. Rejects when the first list fails; survives every failure after that. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, retry, relistPeriod, onError } = this.#options;
    const backoff = new Backoff(retry, random);
    let version: string | undefined;
    let relistAt: number | undefined;
    let wait = 0;
    while (!signal.aborted) {
      this.#begunAt = undefined;
      let asked = 0;
      try {
        if (version === undefined || relistAt === undefined) {
          version = await this.#list(signal);
          relistAt = clock.now() + relistPeriod * (0.9 + random() / 5);
        }
        version = await this.#watch(version, relistAt, signal);
        if (version === undefined) continue;
      } catch (error) {
        if (signal.aborted) return;
        if (relistAt === undefined) throw error;
        version = undefined;
        asked = Math.min((error instanceof KubernetesAPIError && error.retryAfter) || 0, retry.max);
        onError(error);
      }
      if (this.#begunAt !== undefined && clock.now() - this.#begunAt >= wait) backoff.reset();
      wait = Math.max(backoff.next(), asked);
      await pause(wait, clock, signal);
    }
  }

  async #list(signal: AbortSignal): Promise<string> {
    const { requestTimeout, maxObjects } = this.#options;
    const attempt = new Attempt(signal, this.#options.clock);
    try {
      attempt.limit(requestTimeout, `no list of objects within ${requestTimeout} ms`);
      const { items, version } = await listObjects(this.#api, await this.#selection(), maxObjects, attempt.signal);
      this.#sink.replace(items);
      return version;
    } catch (error) {
      throw attempt.reasonOf(error);
    } finally {
      attempt.end();
    }
  }

  /** Resolves with the version to go on from, or with `undefined` when it is time for a list. */
  async #watch(from: string, relistAt: number, signal: AbortSignal): Promise<string | undefined> {
    const { clock, random, requestTimeout, silenceTimeout, onError } = this.#options;
    const timeoutSeconds = Math.round(WATCH_SECONDS * (1 + random()));
    const attempt = new Attempt(signal, clock);
    const relist = new Alarm(clock, () => attempt.abort(new RelistDueError()));
    let version = from;
    try {
      relist.set(relistAt);
      attempt.limit(requestTimeout, `no watch began within ${requestTimeout} ms`);
      const events = await openWatch(this.#api, await this.#selection(), { version, timeoutSeconds }, attempt.signal);
      this.#begunAt = clock.now();
      const silence = `the watch told nothing for ${silenceTimeout} ms`;
      attempt.limit(silenceTimeout, silence);
      for await (const event of events) {
        attempt.limit(silenceTimeout, silence);
        this.#apply(event);
        version = event.version;
      }
      return version;
    } catch (error) {
      const reason = attempt.reasonOf(error);
      if (reason instanceof RelistDueError) return undefined;
      // Ours are about what was said; the others are about the connection, which was good until it broke.
      if (this.#begunAt === undefined || reason instanceof TrunklineError) throw reason;
      // Nobody is to be told of what was ended here.
      if (!signal.aborted) {
        onError(new ConnectionLostError('the watch broke off', { initiator: 'remote', cause: reason }));
      }
      return version;
    } finally {
      relist.cancel();
      attempt.end();
    }
  }

  #apply({ type, object }: WatchEvent): void {
    if (type === 'ADDED' || type === 'MODIFIED') this.#sink.put(object);
    else if (type === 'DELETED') this.#sink.remove(object);
  }
}

/** A request with a deadline that moves. */
class Attempt {
  readonly #outer: AbortSignal;
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #alarm: Alarm;
  readonly #onAbort = (): void => this.#controller.abort(this.#outer.reason);
  #milliseconds = 0;
  #message = '';

  constructor(outer: AbortSignal, clock: Clock) {
    this.#outer = outer;
    this.#clock = clock;
    this.#alarm = new Alarm(clock, () => this.abort(new TimeoutError(this.#message, this.#milliseconds)));
    outer.addEventListener('abort', this.#onAbort);
    if (outer.aborted) this.#onAbort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Fails with `message` unless this is called again in time. */
  limit(milliseconds: number, message: string): void {
    this.#milliseconds = milliseconds;
    this.#message = message;
    this.#alarm.set(this.#clock.now() + milliseconds);
  }

  abort(reason: Error): void {
    this.#controller.abort(reason);
  }

  /** Why it failed: what aborted it rather than how the connection took that. */
  reasonOf(error: unknown): Error {
    return asError(this.signal.aborted ? this.signal.reason : error);
  }

  /** Lets go of timers and of the connection. */
  end(): void {
    this.#alarm.cancel();
    this.#outer.removeEventListener('abort', this.#onAbort);
    this.#controller.abort();
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
