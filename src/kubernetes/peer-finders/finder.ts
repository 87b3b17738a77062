import { LimitExceededError } from '../../errors/index.js';
import { PeerSets, type PeerSink } from '../../mesh/discovery/peer-sets.js';
import type { FindOptions, Peer } from '../../mesh/discovery/types.js';
import type { APIClient } from './api-client.js';
import type { Fields } from './fields.js';
import type { Selection } from './list.js';
import type { FinderSettings } from './options.js';
import { distinctPeers, keyOf } from './peer-of.js';
import { Reflector, type ObjectSink } from './reflector.js';

/** Objects of the API that peers are made of. */
export interface PeerObjects {
  readonly api: APIClient;
  readonly selection: () => Promise<Selection>;
  /** The peers that one object tells of. */
  readonly peersOf: (object: Fields) => readonly Peer[];
}

/** The sets of peers that follow from objects of the API. */
export function peersOfObjects(
  { api, selection, peersOf }: PeerObjects,
  settings: FinderSettings,
  { signal }: FindOptions,
): AsyncIterableIterator<readonly Peer[]> {
  const { debounce, reflector } = settings;
  return new PeerSets(
    (sink, stop) => new Reflector(api, selection, new Membership(sink, peersOf, settings), reflector).run(stop),
    { clock: reflector.clock, debounce, signal },
  );
}

/** Who is there, kept up to date object by object; of each object only its peers are kept. */
class Membership implements ObjectSink {
  readonly #sink: PeerSink;
  readonly #peersOf: (object: Fields) => readonly Peer[];
  readonly #settings: FinderSettings;
  #byKey = new Map<string, readonly Peer[]>();

  constructor(sink: PeerSink, peersOf: (object: Fields) => readonly Peer[], settings: FinderSettings) {
    this.#sink = sink;
    this.#peersOf = peersOf;
    this.#settings = settings;
  }

  replace(objects: readonly Fields[]): void {
    this.#byKey = new Map(objects.map((object) => [keyOf(object), this.#peersOf(object)]));
    this.#tell();
  }

  put(object: Fields): void {
    this.#byKey.set(keyOf(object), this.#peersOf(object));
    this.#tell();
  }

  remove(object: Fields): void {
    if (this.#byKey.delete(keyOf(object))) this.#tell();
  }

  #tell(): void {
    const { rules, reflector } = this.#settings;
    const peers = distinctPeers([...this.#byKey.values()].flat(), rules);
    const { maxObjects } = reflector;
    if (peers.length > maxObjects || this.#byKey.size > maxObjects) {
      throw new LimitExceededError('maxPeers', `more than maxPeers, ${maxObjects}, are selected`);
    }
    this.#sink.update(peers);
  }
}
