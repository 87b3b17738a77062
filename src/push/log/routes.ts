import type { Channel } from './channel.js';
import { isPattern, matcher } from './names.js';

const NONE: ReadonlySet<Channel> = new Set();

/**
 * Which sets of names and patterns each stream belongs to. It is found out once, when a stream or a set comes, so that
 * neither events nor clients that come and go have names compared.
 */
export class Routes {
  /** Sets without patterns, by the names in them: found without comparing. */
  readonly #named = new Map<string, Set<Channel>>();
  /** Sets that have patterns, with what tells the streams that are meant. */
  readonly #wild = new Map<Channel, (stream: string) => boolean>();
  /** Streams that belong to any set. */
  readonly #sets = new Map<Channel, Set<Channel>>();

  /** Sets that have patterns. */
  get wild(): number {
    return this.#wild.size;
  }

  /** The sets that a stream belongs to. */
  of(stream: Channel): ReadonlySet<Channel> {
    return this.#sets.get(stream) ?? NONE;
  }

  /** The sets that a stream of this name belongs to, if it comes. */
  *named(name: string): Generator<Channel, void, undefined> {
    yield* this.#named.get(name) ?? NONE;
    for (const [set, means] of this.#wild) if (means(name)) yield set;
  }

  addStream(stream: Channel): void {
    const [name = ''] = stream.targets;
    for (const set of this.named(name)) this.#link(stream, set);
  }

  removeStream(stream: Channel): void {
    this.#sets.delete(stream);
  }

  /** @param streams Those that belong to the set now. */
  addSet(set: Channel, streams: readonly Channel[]): void {
    if (set.targets.some(isPattern)) this.#wild.set(set, matcher(set.targets));
    else {
      for (const name of set.targets) {
        const named = this.#named.get(name);
        if (named === undefined) this.#named.set(name, new Set([set]));
        else named.add(set);
      }
    }
    for (const stream of streams) this.#link(stream, set);
  }

  /** @param streams Those that may belong to the set now. */
  removeSet(set: Channel, streams: Iterable<Channel>): void {
    this.#wild.delete(set);
    for (const name of set.targets) {
      const named = this.#named.get(name);
      if (named?.delete(set) === true && named.size === 0) this.#named.delete(name);
    }
    for (const stream of streams) {
      const sets = this.#sets.get(stream);
      if (sets?.delete(set) === true && sets.size === 0) this.#sets.delete(stream);
    }
  }

  #link(stream: Channel, set: Channel): void {
    const sets = this.#sets.get(stream);
    if (sets === undefined) this.#sets.set(stream, new Set([set]));
    else sets.add(set);
  }
}
